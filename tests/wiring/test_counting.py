"""Which tokenizer counts for a TEI server: the vendored one unless the server's differs.

And what counting and weighing start, which ends with the services.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pulse_cli.config import load
from pulse_cli.events import Event, Message
from pulse_cli.prepare import vendored_tokenizer
from pulse_cli.simulators.http import serving
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.simulators.tei import TeiService
from pulse_cli.simulators.wordpiece import WordPiece
from pulse_cli.wiring import Services

TEI = PROFILES["instant"].tei


class RecordingObserver:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def on(self, event: Event) -> None:
        if isinstance(event, Message):
            self.heard.append(event.text)


def another_tokenizer() -> bytes:
    """The vendored one without its longest words, so that it counts more tokens."""
    described = json.loads(vendored_tokenizer())
    vocabulary = described["model"]["vocab"]
    longest = {word for word in vocabulary if len(word) > 6}
    described["model"]["vocab"] = {w: n for w, n in vocabulary.items() if w not in longest}
    return json.dumps(described).encode()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@asynccontextmanager
async def services_over(words: WordPiece | None, ear: RecordingObserver) -> AsyncIterator[Services]:
    """With a TEI server that counts by `words`, or cannot count."""
    async with serving(TeiService(TEI, words)) as server:
        settings = load({"embed.url": ("--tei", server.url)}, environ={}).settings
        async with Services(settings, ear) as services:
            yield services


@pytest.mark.parametrize(
    ("words", "counter", "told"),
    [
        (WordPiece(vendored_tokenizer()), "wordpiece-", None),
        (None, "wordpiece-", "the server cannot count tokens (no /tokenize)"),
        (WordPiece(another_tokenizer()), "tei:", "tokens are counted by the server"),
    ],
    ids=["same", "no tokenize", "another"],
)
async def test_who_counts(
    empty_folder: Path, words: WordPiece | None, counter: str, told: str | None
) -> None:
    ear = RecordingObserver()
    async with services_over(words, ear) as services:
        preparer = await services.preparer()
    assert str(preparer.fingerprint["tokenizer"]).startswith(counter)
    about_tokens = [line for line in ear.heard if "token" in line and "overlap" not in line]
    assert len(about_tokens) == (told is not None)
    assert told is None or told in about_tokens[0]
