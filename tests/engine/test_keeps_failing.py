"""A store that fails at one page for ever, and takes all others: who is to blame is found out.

The committer writes to a store in memory on a jumping clock; what the store fails at is
scripted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pulse_cli.engine.commit import Committer
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.probe_page import PROBE_KEY
from pulse_cli.engine.progress.ledger import Ticket
from pulse_cli.engine.task import DocumentTask
from pulse_cli.errors import Fatal, Rejected, Transient, Unavailable
from pulse_cli.events import StageStats
from pulse_cli.model import (
    Chunk,
    Document,
    Identity,
    Place,
    Point,
    Position,
    Prepared,
    Section,
)
from pulse_cli.payload import RunStamp
from tests.torture.moments import Moments
from tests.torture.services import MemoryStore, Shelf

if TYPE_CHECKING:
    from pulse_cli.model import Floats
    from tests.engine.conftest import JumpClock

PAGES = 8
POISON = 5
GIVE_UP = 200.0


class Calm(random.Random):
    """No pauses, and all points of a call in one request."""

    def randrange(self, *_: Any) -> int:
        return 0

    def randint(self, a: int, b: int) -> int:
        return b


class Choosy(MemoryStore):
    """`fault(points)` may raise at an upsert, `doubt(keys)` at a deletion."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf, Moments(), Calm())
        self.fault: Callable[[Sequence[Point]], None] = lambda points: None
        self.doubt: Callable[[Sequence[str]], None] = lambda keys: None
        self.upserts = 0

    async def upsert(self, points: Sequence[Point], rows: Floats) -> None:
        self.upserts += 1
        self.fault(points)
        await super().upsert(points, rows)

    async def delete_pages(self, keys: Sequence[str]) -> None:
        self.doubt(keys)
        await super().delete_pages(keys)

    async def delete_other_versions(self, versions: Mapping[str, str]) -> None:
        self.doubt(list(versions))
        await super().delete_other_versions(versions)


def page(number: int, version: str = "v") -> DocumentTask:
    key = f"https://site.example/{number}"
    identity = Identity(key, "site.example", f"hash {number}", version, f"{number}{version}#0")
    task = DocumentTask(Ticket(Position(), 0, key), Place("s"), Document(key, ""), identity)
    task.prepared = Prepared(task.document, identity, "", [0, 1], [1, 2], [1, 1], [Section()] * 2)
    task.chunks = [
        Chunk(f"{number}{version}#{n}", n, f"text {n} of {number}", "", "", "", 1, n, n + 1)
        for n in range(2)
    ]
    task.rows = np.zeros((2, 1), np.float32)
    return task


class Trial:
    """Pages written as one group; who was written and who was refused, and why."""

    def __init__(self, clock: JumpClock) -> None:
        self.clock = clock
        self.shelf = Shelf()
        self.store = Choosy(self.shelf)
        self.written: list[str] = []
        self.refused: list[tuple[str, str]] = []
        limiter = Limiter(
            "the store",
            start=2,
            high=4,
            clock=clock,
            rng=random.Random(3),
            give_up_after=GIVE_UP,
            stats=StageStats(),
        )
        self.committer = Committer(self.store, limiter, RunStamp("run", "now", "rev", "model"), 1)

    async def write(self, pages: Sequence[DocumentTask]) -> None:
        ends: list[Rejected | None] = []

        async def write() -> None:
            ends.extend(await self.committer.write(pages))

        await self.clock.run(write(), until=self.clock.now + 10 * GIVE_UP)
        for task, end in zip(pages, ends, strict=True):
            if end is None:
                self.written.append(task.identity.key)
            else:
                self.refused.append((task.identity.key, end.reason))

    def keys(self) -> set[str]:
        return {point.payload["canonical_url"] for point in self.shelf.points.values()}


def url(number: int) -> str:
    return f"https://site.example/{number}"


def failing_at(is_poison: Callable[[Point], bool]) -> Callable[[Sequence[Point]], None]:
    def fault(points: Sequence[Point]) -> None:
        if any(map(is_poison, points)):
            raise Transient("answered 500")

    return fault


POISONS: dict[str, Callable[[Point], bool]] = {
    "a text in the body": lambda point: point.payload["text"] == f"text 1 of {POISON}",
    "the id of chunk 0": lambda point: point.id == f"{POISON}v#0",
    "the address": lambda point: point.payload["canonical_url"] == url(POISON),
}


@pytest.mark.parametrize("kind", POISONS)
@pytest.mark.parametrize("pages", [[POISON], range(PAGES)], ids=["alone", "in a group"])
async def test_it_costs_its_page_only(clock: JumpClock, kind: str, pages: Sequence[int]) -> None:
    trial = Trial(clock)
    trial.store.fault = failing_at(POISONS[kind])
    before = clock.now
    await trial.write([page(n) for n in pages])
    assert trial.refused == [(url(POISON), "keeps-failing")]
    assert trial.written == [url(n) for n in pages if n != POISON]
    assert trial.keys() == set(trial.written)
    assert clock.now - before < 60


async def test_a_page_is_not_blamed_for_a_part_of_the_store_that_returns(clock: JumpClock) -> None:
    trial = Trial(clock)
    returns = clock.now + 10

    def fault(points: Sequence[Point]) -> None:
        if clock.now < returns and any(point.payload["url"] == url(POISON) for point in points):
            raise Transient("no replica of this shard")

    trial.store.fault = fault
    await trial.write([page(POISON)])
    assert trial.written == [url(POISON)]
    assert clock.now >= returns


async def test_a_store_that_reads_and_deletes_but_writes_nothing_is_waited_for(
    clock: JumpClock,
) -> None:
    trial = Trial(clock)
    trial.store.fault = failing_at(lambda point: True)
    before = clock.now
    with pytest.raises(Fatal) as raised:
        await trial.write([page(n) for n in range(PAGES)])
    assert isinstance(raised.value, Unavailable)
    assert trial.refused == []
    assert GIVE_UP <= clock.now - before < 2 * GIVE_UP


async def test_a_store_that_fails_most_of_the_time_blames_nobody(clock: JumpClock) -> None:
    trial = Trial(clock)
    dice = random.Random(11)

    def fault(points: Sequence[Point]) -> None:
        if dice.random() < 0.85:
            raise Transient("reset")

    trial.store.fault = fault
    for n in range(100):
        await trial.write([page(n)])
    assert trial.refused == []
    assert trial.keys() == {url(n) for n in range(100)}


async def test_only_comparisons_in_a_row_count(clock: JumpClock) -> None:
    trial = Trial(clock)
    compared, tried = count(), count()

    def fault(points: Sequence[Point]) -> None:
        if points[0].payload["canonical_url"] == PROBE_KEY:
            if next(compared) % 4 == 3:
                raise Transient("reset")
        elif next(tried) < 40:
            raise Transient("reset")

    trial.store.fault = fault
    await trial.write([page(POISON)])
    assert trial.written == [url(POISON)]


async def test_an_overload_is_nobodys_fault_even_where_a_small_page_passes(
    clock: JumpClock,
) -> None:
    trial = Trial(clock)

    def fault(points: Sequence[Point]) -> None:
        if any(point.payload["url"] == url(POISON) for point in points):
            raise Transient("too many", overload=True)

    trial.store.fault = fault
    with pytest.raises(Fatal) as raised:
        await trial.write([page(POISON)])
    assert isinstance(raised.value, Unavailable)
    assert trial.refused == []


async def test_a_page_whose_old_version_cannot_be_deleted_is_refused_and_not_committed(
    clock: JumpClock,
) -> None:
    """Both versions are whole, so searches find the page; the next run writes it anew."""
    trial = Trial(clock)
    await trial.write([page(POISON)])
    trial.written.clear()

    def doubt(keys: Sequence[str]) -> None:
        if url(POISON) in keys:
            raise Transient("answered 500")

    trial.store.doubt = doubt
    await trial.write([page(POISON, "w"), page(6)])
    assert trial.refused == [(url(POISON), "keeps-failing")]
    assert trial.written == [url(6)]
    versions = {f"{POISON}{version}#{n}" for version in "vw" for n in range(2)}
    assert versions <= trial.shelf.points.keys()
    assert not trial.shelf.points[f"{POISON}v#0"].payload["committed"]
    assert not trial.shelf.points[f"{POISON}w#0"].payload["committed"]


async def test_a_probe_page_left_by_a_crash_goes_with_the_next_write(clock: JumpClock) -> None:
    trial = Trial(clock)
    trial.store.fault = failing_at(POISONS["the address"])

    def doubt(keys: Sequence[str]) -> None:
        if list(keys) == [PROBE_KEY]:
            raise Fatal("here the process dies")

    trial.store.doubt = doubt
    with pytest.raises(Fatal):
        await trial.write([page(POISON)])
    assert trial.keys() == {PROBE_KEY}
    after = Trial(clock)
    after.shelf = after.store.shelf = trial.shelf
    await after.write([page(1)])
    assert after.keys() == {url(1)}


async def test_a_probe_page_left_by_a_crash_goes_at_the_end_of_a_run_that_writes_nothing(
    clock: JumpClock,
) -> None:
    trial = Trial(clock)
    await trial.write([page(1)])
    left = replace(trial.shelf.points["1v#0"], id="left", payload={"canonical_url": PROBE_KEY})
    trial.shelf.points["left"] = left
    after = Trial(clock)
    after.shelf = after.store.shelf = trial.shelf
    await after.committer.delete_probe()
    assert after.keys() == {url(1)}


async def test_a_probe_page_that_could_not_be_deleted_goes_later(clock: JumpClock) -> None:
    trial = Trial(clock)
    await trial.write([page(1)])
    trial.store.fault = failing_at(POISONS["the address"])
    ill = True

    def doubt(keys: Sequence[str]) -> None:
        if ill and PROBE_KEY in keys:
            raise Transient("reset")

    trial.store.doubt = doubt
    with pytest.raises(Fatal):
        await trial.write([page(POISON)])
    assert trial.keys() == {url(1), PROBE_KEY}
    ill = False
    await trial.committer.delete_probe()
    assert trial.keys() == {url(1)}


async def test_while_all_is_well_nothing_is_compared(clock: JumpClock) -> None:
    trial = Trial(clock)
    await trial.write([page(n) for n in range(PAGES)])
    assert trial.store.upserts == 1
