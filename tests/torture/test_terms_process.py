"""Runs whose process of term weights is killed: nobody can tell from what they leave."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pulse_cli.prepare import PrepareOptions, open_counter, open_preparer, vendored_tokenizer
from pulse_cli.prepare import terms_process as module
from pulse_cli.prepare.terms_process import TermProcess
from tests.torture.corpus import crawl
from tests.torture.moments import Moments
from tests.torture.services import DIMENSION
from tests.torture.world import World

OPTIONS = PrepareOptions(32, 8, model="memory", dimension=DIMENSION)


@pytest.mark.parametrize("place", ["group-embedded", "commit-done", None])
async def test_killed_in_a_run_it_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str | None
) -> None:
    source = tmp_path / "pages.jsonl"
    source.write_bytes(b"\n".join(crawl(3, 300)[0].lines))
    plain = World(tmp_path / "plain", 1)
    assert await plain.start(source) is not None

    terms = TermProcess(OPTIONS, start_after=0)
    monkeypatch.setattr(module, "TermProcess", lambda _: terms)
    killed: list[int] = []

    def kill(moment: str) -> bool:
        if moment == place and not killed and (pid := terms.pid) is not None:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        return False

    world = World(tmp_path / "world", 1)
    world.preparer = open_preparer(OPTIONS, open_counter(vendored_tokenizer())[0], processes=True)
    assert await world.start(source, Moments(kill)) is not None
    last = terms.pid
    world.preparer.close()
    assert terms.pid is None
    assert plain.left(source, exact=True).differences(world.left(source, exact=True)) == []
    if place is not None:
        assert killed
        assert last is None, "it was asked again"
    else:
        assert last is not None, "it never worked"
