"""A store and an embedder in memory that outlive the processes which use them.

The store keeps a log, as Qdrant does: a process that dies loses nothing that was answered,
a machine that loses power keeps what was synced and any prefix of what came after.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pulse_cli.errors import Fatal, Kind, Rejected, Transient
from pulse_cli.model import EmbedLimits, Filter, Hit, Point, SparseVector, Vectors
from pulse_cli.payload import COMMITTED, KEY, VERSION, CommitRecord, read_record
from pulse_cli.ports import WholePoints
from tests.torture.corpus import POISON
from tests.torture.moments import Moments

if TYPE_CHECKING:
    from pulse_cli.model import Floats

DIMENSION = 4
ALL = Filter()


@dataclass(frozen=True)
class StoredPoint:
    """A point with its vector, as the store keeps it."""

    id: str
    vector: Floats
    words: str | SparseVector
    payload: Mapping[str, Any]

    def saying(self, **changes: Any) -> StoredPoint:
        return replace(self, payload={**self.payload, **changes})


Rows = dict[str, StoredPoint]


@dataclass
class Shelf:
    """What the store holds; survives its users."""

    points: Rows = field(default_factory=dict)
    synced: Rows = field(default_factory=dict)
    log: list[Callable[[Rows], None]] = field(default_factory=list)

    def apply(self, change: Callable[[Rows], None]) -> None:
        change(self.points)
        self.log.append(change)

    def sync(self) -> None:
        self.synced = dict(self.points)
        self.log.clear()

    def lose_power(self, rng: random.Random) -> None:
        """Forget a random suffix of what was not synced."""
        self.points = dict(self.synced)
        for change in self.log[: rng.randint(0, len(self.log))]:
            change(self.points)
        self.sync()

    def copy(self) -> Shelf:
        return Shelf(dict(self.points), dict(self.points), [])


class MemoryStore:
    """`ports.Store` on a shelf. One call may be several requests, as on a server."""

    in_flight = 3

    def __init__(
        self, shelf: Shelf, moments: Moments, rng: random.Random, *, flaky: float = 0.0
    ) -> None:
        """`asked` is told of every write request before it is applied, and may raise."""
        self.asked: Callable[[str], None] = lambda kind: None
        self.shelf = shelf
        self._moments = moments
        self._rng = rng
        self._flaky = flaky
        self.calls = 0

    async def _pause(self) -> None:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)

    async def _write(self, kind: str, change: Callable[[Rows], None]) -> None:
        await self._pause()
        self._moments.passing("store-before-write")
        self.asked(kind)
        self._fail("before")
        self.shelf.apply(change)
        self._moments.passing("store-after-write")
        self._fail("after")
        await self._pause()

    def _fail(self, when: str) -> None:
        if self._rng.random() < self._flaky:
            raise Transient(f"reset {when} applying")

    dimension = DIMENSION

    async def open(self, dimension: int) -> None:
        assert dimension == DIMENSION

    async def begin_load(self, *, bulk: bool) -> None:
        pass

    async def release(self) -> None:
        pass

    async def end_load(self) -> None:
        pass

    async def lookup(self, ids: Sequence[str]) -> dict[str, CommitRecord]:
        await self._pause()
        self._moments.passing("store-before-read")
        held = {one: self.shelf.points[one].payload for one in ids if one in self.shelf.points}
        await self._pause()
        return {one: read_record(one, payload) for one, payload in held.items()}

    async def committed(self, keys: Sequence[str]) -> list[CommitRecord]:
        await self._pause()
        self._moments.passing("store-before-read")
        return [
            read_record(point.id, point.payload)
            for point in self.shelf.points.values()
            if point.payload[KEY] in keys and point.payload.get(COMMITTED) is True
        ]

    async def set_committed(self, ids: Sequence[str], committed: bool) -> None:
        def change(rows: Rows) -> None:
            for one in ids:
                if one not in rows:
                    raise Fatal(f"No point with id {one}", kind=Kind.INDEX_CHANGED)
                rows[one] = rows[one].saying(committed=committed)

        await self._write("mark", change)

    async def upsert(self, points: Sequence[Point], rows: Floats) -> None:
        assert points
        assert rows.shape[0] == len(points)
        left = [
            StoredPoint(str(point.id), row.copy(), point.words, point.payload)
            for point, row in zip(points, rows, strict=True)
        ]
        while left:
            size = self._rng.randint(1, max(1, len(left)))
            piece, left = left[:size], left[size:]

            def change(rows: Rows, piece: list[StoredPoint] = piece) -> None:
                rows.update({point.id: point for point in piece})

            await self._write("upsert", change)

    async def delete_pages(self, keys: Sequence[str]) -> None:
        await self._delete(dict.fromkeys(keys), same=True)

    async def delete_versions(self, versions: Mapping[str, str]) -> None:
        await self._delete(versions, same=True)

    async def delete_other_versions(self, versions: Mapping[str, str]) -> None:
        await self._delete(versions, same=False)

    async def _delete(self, versions: Mapping[str, str | None], *, same: bool) -> None:
        """Two pages at once: points of the version given, or of others; None means any."""
        keys = list(versions)
        for start in range(0, len(keys), 2):
            some = {key: versions[key] for key in keys[start : start + 2]}

            def is_meant(payload: Mapping[str, Any], some: dict[str, str | None] = some) -> bool:
                if payload[KEY] not in some:
                    return False
                wanted = some[payload[KEY]]
                return wanted is None or (payload.get(VERSION) == wanted) is same

            await self._delete_points(is_meant)

    async def _delete_points(self, is_meant: Callable[[Mapping[str, Any]], bool]) -> None:
        def change(rows: Rows) -> None:
            for point in list(rows.values()):
                if is_meant(point.payload):
                    del rows[point.id]

        await self._write("delete", change)

    async def sync(self) -> None:
        await self._pause()
        self._moments.passing("store-before-sync")
        self.shelf.sync()
        self._moments.passing("store-after-sync")

    async def nearest(self, vector: Floats, limit: int, where: Filter) -> list[Hit]:
        raise AssertionError("not asked")

    async def matching(self, words: str, limit: int, where: Filter) -> list[Hit]:
        raise AssertionError("not asked")

    async def scroll(self, fields: Sequence[str] | None, where: Filter) -> AsyncIterator[list[Hit]]:
        yield [Hit(point.id, 0.0, point.payload) for point in self.shelf.points.values()]

    def whole_points(
        self, where: Filter, after: str | int | None = None
    ) -> AsyncIterator[WholePoints]:
        raise AssertionError("not asked")

    async def facet(self, field: str, where: Filter) -> dict[str | int | bool, int]:
        raise AssertionError("not asked")

    async def count(self, where: Filter = ALL) -> int:
        assert where == ALL
        return len(self.shelf.points)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        pass


class MemoryEmbedder:
    """`ports.Embedder`: a vector depends on its text alone; refuses poison, fails at times."""

    model = "memory"
    dimension = DIMENSION

    def __init__(
        self, moments: Moments, rng: random.Random, *, flaky: float = 0.0, group: int = 8
    ) -> None:
        self.limits = EmbedLimits(4, 10**6, 4, 2, 32, group)
        self._moments = moments
        self._rng = rng
        self._flaky = flaky
        self.embedded: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        for _ in range(self._rng.randrange(12)):
            await asyncio.sleep(0)
        self._moments.passing("embedding")
        if self._rng.random() < self._flaky:
            raise Transient("overloaded", overload=self._rng.random() < 0.5)
        if any(POISON in text for text in texts):
            raise Rejected("poison", reason="refused")
        self.embedded += texts
        return Vectors(np.stack([vector_of(text) for text in texts]))

    async def embed_query(self, text: str) -> Floats:
        return vector_of(text)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        pass


def vector_of(text: str) -> Floats:
    digest = hashlib.sha256(text.encode()).digest()
    numbers = np.frombuffer(digest, dtype=np.uint8)[:DIMENSION].astype(np.float32)
    return numbers + np.float32(1.0)
