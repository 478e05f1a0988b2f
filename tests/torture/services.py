"""A store and an embedder in memory that outlive the processes which use them.

The store keeps a log, as Qdrant does: a process that dies loses nothing that was answered,
a machine that loses power keeps what was synced and any prefix of what came after.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pulse_cli.errors import Rejected, Transient
from pulse_cli.model import Commit, EmbedLimits, Filter, Hit, Point, Terms, Vectors
from tests.torture.corpus import POISON
from tests.torture.moments import Moments

if TYPE_CHECKING:
    from pulse_cli.model import Floats

DIMENSION = 4
Rows = dict[str, Point]


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
        self.shelf = shelf
        self._moments = moments
        self._rng = rng
        self._flaky = flaky
        self.calls = 0

    async def _pause(self) -> None:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)

    async def _write(self, change: Callable[[Rows], None]) -> None:
        await self._pause()
        self._moments.passing("store-before-write")
        self._fail("before")
        self.shelf.apply(change)
        self._moments.passing("store-after-write")
        self._fail("after")
        await self._pause()

    def _fail(self, when: str) -> None:
        if self._rng.random() < self._flaky:
            raise Transient(f"reset {when} applying")

    async def open(self, dimension: int) -> None:
        assert dimension == DIMENSION

    async def begin_load(self, *, bulk: bool) -> None:
        pass

    async def end_load(self) -> None:
        pass

    async def lookup(self, ids: Sequence[str]) -> dict[str, Commit]:
        await self._pause()
        self._moments.passing("store-before-read")
        held = {one: self.shelf.points[one].payload for one in ids if one in self.shelf.points}
        await self._pause()
        return {one: _commit(payload) for one, payload in held.items()}

    async def invalidate(self, ids: Sequence[str]) -> None:
        wanted = set(ids)

        def change(rows: Rows) -> None:
            for one in wanted & rows.keys():
                was = rows[one]
                payload = {**was.payload, "content_hash": None}
                rows[one] = Point(was.id, was.vector, was.terms, payload)

        await self._write(change)

    async def upsert(self, points: Sequence[Point]) -> None:
        assert points
        left = list(points)
        while left:
            size = self._rng.randint(1, max(1, len(left)))
            piece, left = left[:size], left[size:]

            def change(rows: Rows, piece: list[Point] = piece) -> None:
                rows.update({point.id: point for point in piece})

            await self._write(change)

    async def delete_stale(self, keys: Sequence[str], keep: Sequence[str]) -> None:
        kept = set(keep)
        for start in range(0, len(keys), 2):
            some = set(keys[start : start + 2])

            def change(rows: Rows, some: set[str] = some) -> None:
                for one in [
                    point.id
                    for point in rows.values()
                    if point.payload["canonical_url"] in some and point.id not in kept
                ]:
                    del rows[one]

            await self._write(change)

    async def sync(self) -> None:
        await self._pause()
        self._moments.passing("store-before-sync")
        self.shelf.sync()
        self._moments.passing("store-after-sync")

    async def nearest(self, vector: Floats, limit: int, where: Filter) -> list[Hit]:
        raise AssertionError("not asked")

    async def matching(self, terms: Terms, limit: int, where: Filter) -> list[Hit]:
        raise AssertionError("not asked")

    async def scroll(self, fields: Sequence[str], where: Filter) -> AsyncIterator[list[Hit]]:
        yield [Hit(point.id, 0.0, point.payload) for point in self.shelf.points.values()]

    async def count(self) -> int:
        return len(self.shelf.points)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        pass


def _commit(payload: Any) -> Commit:
    return Commit(
        payload.get("content_hash"),
        payload.get("rev"),
        payload.get("run_id"),
        payload.get("chunk_count") or 0,
        payload.get("doc_tokens") or 0,
    )


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
