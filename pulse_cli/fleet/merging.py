"""Results of shards put together into what one process would have said, in source order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pulse_cli.engine.progress.json_text import from_json
from pulse_cli.events import Counts
from pulse_cli.read.pieces import Piece

_REASONS = ("skipped", "dead", "no_document")
_NUMBERS = (
    *("indexed", "unchanged", "superseded"),
    *("chunks", "tokens", "bytes_text", "truncated"),
)


def add_counts(total: Counts, more: Counts) -> None:
    """Add to `total`. No page is in two results, so pages add up as records do."""
    for name in _NUMBERS:
        setattr(total, name, getattr(total, name) + getattr(more, name))
    for name in _REASONS:
        reasons = getattr(total, name)
        for reason, number in getattr(more, name).items():
            reasons[reason] = reasons.get(reason, 0) + number


def in_source_order(
    shards: Sequence[Sequence[Piece]], letters: Iterable[Iterable[bytes]]
) -> Iterator[bytes]:
    """The dead letters of all results (each in source order) in that of the whole run.

    Letters of one place (documents of one value) keep the order in which the results are given.
    """
    begins: dict[str, int] = {}
    for number, piece in enumerate(piece for shard in shards for piece in shard):
        begins.setdefault(piece.name, number)

    def place(letter: bytes) -> tuple[int, int]:
        said: dict[str, Any] = from_json(letter)
        name = said["source"].encode().decode(errors="replace")
        return begins.get(name, len(begins)), said["byte"]

    return heapq.merge(*letters, key=place)
