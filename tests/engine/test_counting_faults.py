"""Tokens may be counted by a server: when it is down a run waits, when it refuses it blames."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pulse_cli.errors import Rejected, Transient
from pulse_cli.model import Document, Identity, Prepared
from tests.torture.corpus import page
from tests.torture.world import World

PAGES = 30


class ServedPreparer:
    """The real one, behind a service that is down for the first `down` calls."""

    def __init__(self, real: Any, down: int, refused: str) -> None:
        self._real = real
        self._down = down
        self._refused = refused

    def prepare(self, documents: Sequence[tuple[Document, Identity]]) -> list[Prepared]:
        self._down -= 1
        if self._down >= 0:
            raise Transient("the tokenizer is down")
        if any(document.url == self._refused for document, _ in documents):
            raise Rejected("the tokenizer cannot read this", reason="refused")
        found: list[Prepared] = self._real.prepare(documents)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def test_an_outage_is_waited_for_and_a_refusal_costs_its_page_only(tmp_path: Path) -> None:
    rng = random.Random(2)
    source = tmp_path / "x.jsonl"
    pages = [page(rng, f"https://site.example/{n}") for n in range(PAGES)]
    source.write_bytes(b"\n".join(one.line() for one in pages))
    world = World(tmp_path / "world", 1)
    world.preparer = ServedPreparer(world.preparer, 12, "https://site.example/7")
    summary = await world.start(source)
    assert summary is not None
    assert summary.error is None
    assert summary.counts.dead == {"refused": 1}
    assert summary.counts.indexed == PAGES - 1
