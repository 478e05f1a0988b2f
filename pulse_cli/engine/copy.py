"""Points copied from one collection to another, as they are, resumable at any moment.

Points are read in the order of their ids and written several batches at once. Commit records
that say `committed` are written last, when all other points are in place, as in `engine.commit`.
So no page of an interrupted copy counts as whole.

`CopyState` says how far the copy is. Everything before it was written and synced before the
state was saved. After a crash some points are written twice, with the same content.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, TypeVar

from pulse_cli.engine.stop import Stop
from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Filter, Point, SparseVector
from pulse_cli.payload import COMMITTED
from pulse_cli.ports import CheckpointStore, Clock, Store, WholePoints

T = TypeVar("T")

SAVE_EVERY_S = 2.0
SAMPLE = 100
_TOLERANCE = 1e-4  # a server normalises vectors again


class Patiently(Protocol):
    """Repeats a call until the service answers or the time is up (`wiring.patience`)."""

    def __call__(self, what: str, call: Callable[[], Awaitable[T]], /) -> Awaitable[T]: ...


@dataclass(slots=True)
class CopyState:
    """`copied` points are done. Phase 0 copies all but committed records, phase 1 copies those,
    phase 2 is the end. `after` is the place in the phase (`WholePoints.following`), None at its
    beginning.
    """

    copied: int = 0
    phase: int = 0
    after: str | int | None = None


@dataclass(slots=True)
class CopyParts:
    """What a copy works with; `on_progress` is called with the number of points done so far."""

    source: Store
    target: Store
    where: Filter
    checkpoint: CheckpointStore
    patiently: Patiently
    clock: Clock
    stop: Stop
    rng: random.Random
    on_progress: Callable[[int], None]
    sample: list[str | int] = field(default_factory=list)


async def copy_points(parts: CopyParts, state: CopyState) -> None:
    """Copy from where `state` stands, to the end or until a stop is asked for. Raises Fatal."""
    while state.phase < 2 and not parts.stop.requested:
        await _phase(parts, state)
    await _save(parts, state)


async def _phase(parts: CopyParts, state: CopyState) -> None:
    writing: deque[tuple[asyncio.Task[None], WholePoints]] = deque()
    saved, phase = parts.clock.monotonic(), state.phase
    try:
        async with aclosing(_batches(parts, state)) as batches:
            async for batch in batches:
                writing.append((asyncio.create_task(_write(parts, batch)), batch))
                if len(writing) >= parts.target.in_flight:
                    await _written(parts, state, writing)
                if parts.clock.monotonic() - saved >= SAVE_EVERY_S:
                    await _save(parts, state)
                    saved = parts.clock.monotonic()
        while writing:
            await _written(parts, state, writing)
    finally:
        for task, _ in writing:
            task.cancel()
        await asyncio.gather(*(task for task, _ in writing), return_exceptions=True)
    if state.phase == phase and not parts.stop.requested:
        state.phase, state.after = phase + 1, None


async def _batches(parts: CopyParts, state: CopyState) -> AsyncGenerator[WholePoints, None]:
    """The remaining points of this phase, one request a batch."""
    where = _of_phase(parts.where, state.phase)
    after = state.after

    async def read() -> WholePoints | None:
        async with aclosing(_whole(parts.source, where, after)) as found:
            return await anext(found, None)

    while not parts.stop.requested:
        batch = await parts.patiently("the store that is copied", read)
        if batch is None:
            return
        yield batch
        if batch.following is None:
            return
        after = batch.following


async def _whole(
    store: Store, where: Filter, after: str | int | None = None
) -> AsyncGenerator[WholePoints, None]:
    async for batch in store.whole_points(where, after):
        yield batch


def _of_phase(where: Filter, phase: int) -> Filter:
    if phase == 0:
        return replace(where, differs={**where.differs, COMMITTED: True})
    return replace(where, equals={**where.equals, COMMITTED: True})


async def _write(parts: CopyParts, batch: WholePoints) -> None:
    await parts.patiently("the store", lambda: parts.target.upsert(batch.points, batch.rows))


async def _written(
    parts: CopyParts,
    state: CopyState,
    writing: deque[tuple[asyncio.Task[None], WholePoints]],
) -> None:
    """Wait until the oldest batch is written, and move the state past it."""
    task, batch = writing[0]
    await task
    writing.popleft()
    for point in batch.points:
        state.copied += 1
        if len(parts.sample) < SAMPLE:
            parts.sample.append(point.id)
        elif (place := parts.rng.randrange(state.copied)) < SAMPLE:
            parts.sample[place] = point.id
    state.after = batch.following
    if batch.following is None:
        state.phase += 1
    parts.on_progress(state.copied)


async def _save(parts: CopyParts, state: CopyState) -> None:
    await parts.patiently("the store", parts.target.sync)
    saved: dict[str, Any] = asdict(state)
    parts.checkpoint.save(saved)


async def verify(parts: CopyParts) -> int:
    """Compare the counts of both collections and a sample of points; returns the sample's size.

    Raises Fatal where they differ.
    """
    wanted = await parts.patiently(
        "the store that is copied", lambda: parts.source.count(parts.where)
    )
    found = await parts.patiently("the store", lambda: parts.target.count(Filter()))
    if wanted != found:
        raise _differs(f"{wanted:,} points are to be copied, and {found:,} are in the copy")
    mine, copies = await _by_id(parts, parts.source), await _by_id(parts, parts.target)
    for point_id, (point, row) in mine.items():
        if point_id not in copies:
            raise _differs(f"point {point_id} is missing in the copy")
        copy, other = copies[point_id]
        if dict(copy.payload) != dict(point.payload) or not _near(row, other):
            raise _differs(f"point {point_id} has another vector or payload in the copy")
        if not _same_weights(copy.words, point.words):
            raise _differs(f"point {point_id} has other BM25 weights in the copy")
    return len(mine)


async def _by_id(parts: CopyParts, store: Store) -> dict[str | int, tuple[Point, Any]]:
    where = Filter(ids=parts.sample)
    found: dict[str | int, tuple[Point, Any]] = {}

    async def read() -> None:
        async for batch in store.whole_points(where):
            for point, row in zip(batch.points, batch.rows, strict=True):
                found[point.id] = point, row

    if parts.sample:
        await parts.patiently("the store", read)
    return found


def _same_weights(one: str | SparseVector, other: str | SparseVector) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return list(one.indices) == list(other.indices) and _near(one.values, other.values)


def _near(one: Any, other: Any) -> bool:
    """Whether two rows of numbers are equal within rounding."""
    return len(one) == len(other) and all(
        abs(a - b) <= _TOLERANCE * max(1.0, abs(a)) for a, b in zip(one, other, strict=True)
    )


def _differs(what: str) -> Fatal:
    return Fatal(
        f"the copy differs from its original: {what}",
        hint="another program writes to one of them; remove the copy (`pulse drop`) and repeat",
        kind=Kind.COLLECTION,
    )
