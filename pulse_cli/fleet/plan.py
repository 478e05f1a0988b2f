"""Which index jobs a run has, once all its shards are scanned.

`first` may run in any order and at once: none of them writes a page of another. `last` carry the
shared pages, and begin when all of `first` are done, so that a page never has two writers. They
may run at once, too, for all documents of a page are in one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pulse_cli.fleet.scan import Scan
from pulse_cli.fleet.shared_pages import find_shared_pages
from pulse_cli.read.pieces import Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.int64]

Shard: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class IndexJob:
    """Pieces to be indexed: without the `numbered` documents, or (`alone`) only those.

    Documents are counted from 0 over all pieces of the job.
    """

    pieces: Shard
    numbered: Numbers
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    first: list[IndexJob]
    last: list[IndexJob]


def plan_jobs(shards: Sequence[Shard], scans: Sequence[Scan], folder: Path) -> Plan:
    """`folder` is for a file of all keys, which is removed. Blocking."""
    import numpy as np

    none = np.empty(0, np.int64)
    if any(scan.has_parts for scan in scans):
        return Plan([IndexJob(_whole_inputs(shards), none)], [])
    shards = placed(shards, scans)
    counts = [len(scan.keys) for scan in scans]
    path = folder / "keys"
    try:
        with path.open("wb") as file:
            for scan in scans:
                scan.keys.tofile(file)
        shared = find_shared_pages(path, counts)
    finally:
        path.unlink(missing_ok=True)
    first = [IndexJob(shard, shared.in_shard(number)) for number, shard in enumerate(shards)]
    # About as many documents in each as in a shard, so that they take as long.
    usual = max(1, sum(counts) // max(1, len(shards)))
    last = [
        _of_shared_pages(shards, counts, part)
        for part in shared.split(-(-len(shared.numbers) // usual))
        if part
    ]
    return Plan(first, last)


def placed(shards: Sequence[Shard], scans: Sequence[Scan]) -> list[Shard]:
    """The shards with what the scans found: on which line each piece begins, and its CRC-32."""
    line = 1
    found = []
    for shard, scan in zip(shards, scans, strict=True):
        pieces = []
        for piece, (crc, lines) in zip(shard, scan.pieces, strict=True):
            line = line if piece.start else 1
            pieces.append(replace(piece, line=line, crc=crc))
            line += lines
        found.append(tuple(pieces))
    return found


def _whole_inputs(shards: Sequence[Shard]) -> Shard:
    """The inputs that the pieces were cut from."""
    return tuple(Piece(piece.name) for shard in shards for piece in shard if not piece.start)


def _of_shared_pages(
    shards: Sequence[Shard], counts: Sequence[int], part: Sequence[tuple[int, Numbers]]
) -> IndexJob:
    import numpy as np

    pieces: list[Piece] = []
    numbered = []
    before = 0
    for shard, numbers in part:
        pieces += shards[shard]
        numbered.append(numbers + before)
        before += counts[shard]
    return IndexJob(tuple(pieces), np.concatenate(numbered), alone=True)
