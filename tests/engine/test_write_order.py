"""The order of writes, enumerated: every crash and every refusal in every sequence of writes.

A page has four versions of one to four chunks. What can be in the store after a write of any of
them, killed after any request, refused at any request, or both, is followed state by state until
no new state comes, so sequences of any length are covered. In each of these states:

- a committed record tells the truth: its version is whole, and nothing else of the page is there;
- if a version was whole before the write, one is after it;
- a write that was only refused, before the old version began to be deleted, leaves that one
  whole, alone and committed, if the store still takes what undoes the write;
- one whole write of any version leaves that version, whole and alone.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pytest

from pulse_cli.engine.clock import SystemClock
from pulse_cli.engine.commit import Committer
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.progress.ledger import Ticket
from pulse_cli.engine.task import DocumentTask
from pulse_cli.errors import Fatal, Rejected
from pulse_cli.events import StageStats
from pulse_cli.model import Chunk, Document, Identity, Place, Position, Prepared, Section
from pulse_cli.payload import CHUNK_COUNT, CHUNK_INDEX, COMMITTED, KEY, VERSION, RunStamp
from pulse_cli.ports import STORE_REJECTED
from tests.torture.moments import Crash, Moments
from tests.torture.mutants import COMMITTER_MUTANTS
from tests.torture.services import MemoryStore, Shelf, StoredPoint

PAGE = "https://site.example/"
VERSIONS = (1, 2, 3, 4)  # by their number of chunks
State: TypeAlias = frozenset[tuple[int, int, bool | None]]  # version, chunk, committed

# What a store goes on refusing from some request on, and what it still does.
REFUSALS: dict[str, Callable[[str], bool]] = {
    "everything": lambda kind: True,  # read-only
    "what takes memory": lambda kind: kind != "delete",  # the limits of Qdrant's strict mode
    "new points": lambda kind: kind == "upsert",
    "deletions": lambda kind: kind == "delete",
    "marks": lambda kind: kind == "mark",
}


@dataclass(frozen=True)
class Plan:
    """What goes wrong in a write: killed after request `dies_at`, refused at `refused_at`.

    `kind`: what is refused from then on; "once": that request only.
    """

    dies_at: int = 10**9
    refused_at: int = 10**9
    kind: str = "once"


class EvenDice(random.Random):
    """No delays, and one point per request: as many places to die as there can be."""

    def randrange(self, *_: Any) -> int:
        return 0

    def randint(self, *_: Any) -> int:
        return 1


class TearingStore(MemoryStore):
    """Deletes point by point, as several shards do, the last chunk first or the first."""

    last_first = False

    async def _delete_points(self, is_meant: Callable[[Mapping[str, Any]], bool]) -> None:
        meant = [point.id for point in self.shelf.points.values() if is_meant(point.payload)]
        for one in sorted(meant, reverse=self.last_first) or [""]:
            await self._write("delete", lambda rows, one=one: rows.pop(one, None))  # type: ignore[misc]


class TearingFromBehind(TearingStore):
    last_first = True


def task_of(count: int) -> DocumentTask:
    identity = Identity(PAGE, "site.example", f"hash {count}", str(count), f"{count}#0")
    places = [0] * count
    task = DocumentTask(Ticket(Position(), 0, PAGE), Place("s"), Document(PAGE, ""), identity)
    task.prepared = Prepared(
        task.document, identity, "", places, places, places, [Section()] * count
    )
    task.chunks = [
        Chunk(f"{count}#{n}", n, f"text {n} of {count}", "", "", "", 1, 0, 0) for n in range(count)
    ]
    task.rows = np.zeros((count, 1), np.float32)
    return task


def shelf_of(state: State) -> Shelf:
    points = {}
    for count, index, committed in state:
        payload = {KEY: PAGE, VERSION: str(count), CHUNK_INDEX: index, CHUNK_COUNT: count}
        if committed is not None:
            payload[COMMITTED] = committed
        one = f"{count}#{index}"
        points[one] = StoredPoint(one, np.zeros(1, np.float32), "", payload)
    return Shelf(points, dict(points), [])


def state_of(shelf: Shelf) -> State:
    return frozenset(
        (int(p[VERSION]), p[CHUNK_INDEX], p.get(COMMITTED))
        for p in (point.payload for point in shelf.points.values())
        if p[KEY] == PAGE
    )


def whole(count: int) -> State:
    """That version, whole, alone and committed."""
    return frozenset((count, n, None if n else True) for n in range(count))


def wholes(state: State) -> set[int]:
    """The versions all of whose chunks are there."""
    there = {(count, index) for count, index, _ in state}
    return {count for count in VERSIONS if {(count, n) for n in range(count)} <= there}


@dataclass(frozen=True)
class Written:
    """What a write left, and how it ended: done, unchanged, refused, fatal, died."""

    state: State
    end: str
    requests: int
    replaced: bool  # it had begun to delete other versions


class Writing:
    """Writes versions with one kind of committer and store; remembers what came of each."""

    def __init__(self, committer: type[Committer], store: type[MemoryStore]) -> None:
        self._committer = committer
        self._store = store
        self._known: dict[tuple[State, int, Plan], Written] = {}

    async def write(self, state: State, count: int, plan: Plan) -> Written:
        if (state, count, plan) not in self._known:
            self._known[state, count, plan] = await self._write(state, count, plan)
        return self._known[state, count, plan]

    async def _write(self, state: State, count: int, plan: Plan) -> Written:
        requests = 0

        def ask(kind: str) -> None:
            nonlocal requests
            requests += 1
            meant = requests > plan.refused_at and REFUSALS.get(plan.kind, lambda _: False)(kind)
            if requests == plan.refused_at or meant:
                raise Rejected(f"refused: {kind}", reason=STORE_REJECTED)

        shelf = shelf_of(state)
        moments = Moments(lambda name: name == "store-after-write", plan.dies_at)
        store = self._store(shelf, moments, EvenDice())
        store.asked = ask
        limiter = Limiter(
            "store",
            start=1,
            high=1,
            clock=SystemClock(),
            rng=EvenDice(),
            give_up_after=1,
            stats=StageStats(),
        )
        committer = self._committer(store, limiter, RunStamp("run", "now", "rev", "model"), 1)
        task = task_of(count)
        end = "done"
        try:
            await committer.lookup([task])
            if task.stored is not None and task.stored.committed:
                return Written(state, "unchanged", 0, False)
            errors = await committer.write([task])
        except Crash:
            end = "died"
        except Fatal:
            end = "fatal"
        else:
            end = "refused" if errors[0] is not None else "done"
        return Written(state_of(shelf), end, requests, task.started_to_replace)


class Following:
    """All states that writes can lead to, and what was wrong on the way."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self.states: set[State] = {frozenset()}
        self.wrong: list[str] = []

    async def follow(self) -> None:
        new = list(self.states)
        while new and not self.wrong:
            state = new.pop()
            for count in VERSIONS:
                last = await self._writing.write(state, count, Plan())
                if last.state != whole(count):
                    self.wrong.append(f"{sorted(state)}: version {count} leaves {last}")
                async for plan, written in self._disturbed(state, count):
                    self._check(state, count, plan, written)
                    if written.state not in self.states:
                        self.states.add(written.state)
                        new.append(written.state)

    async def _disturbed(self, state: State, count: int) -> AsyncIterator[tuple[Plan, Written]]:
        """The write killed or refused at each request it has, and killed while it is undone."""
        for kind in ("killed", "once", *REFUSALS):
            for n in itertools.count(1):
                plan = Plan(dies_at=n) if kind == "killed" else Plan(refused_at=n, kind=kind)
                written = await self._writing.write(state, count, plan)
                if written.requests < n:
                    break  # there is no such request
                yield plan, written
                if kind == "once" and written.end == "refused":
                    for undoing in range(n, written.requests):
                        plan = Plan(dies_at=undoing, refused_at=n)
                        yield plan, await self._writing.write(state, count, plan)

    def _check(self, before: State, count: int, plan: Plan, written: Written) -> None:
        after = written.state
        problems = []
        marked = [one for one, _, committed in after if committed]
        if marked and after != whole(marked[0]):
            problems.append("a committed record lies")
        if wholes(before) and not wholes(after):
            problems.append("the page is lost")
        undoes = plan.kind in ("once", "new points") and plan.dies_at == 10**9
        refused = undoes and written.end in ("refused", "fatal") and not written.replaced
        if refused and any(before == whole(one) for one in VERSIONS) and after != before:
            problems.append("the old version was not set back")
        self.wrong += [f"{sorted(before)}: {count}, {plan}: {p}: {written}" for p in problems]


STORES = {"first chunk first": TearingStore, "last chunk first": TearingFromBehind}


@pytest.mark.parametrize("store", STORES)
async def test_whatever_happened_the_page_is_there_and_one_whole_write_ends_right(
    store: str,
) -> None:
    following = Following(Writing(Committer, STORES[store]))
    await following.follow()
    assert following.wrong == []
    assert len(following.states) > 100


@pytest.mark.parametrize("mutant", COMMITTER_MUTANTS)
async def test_without_one_of_the_rules_something_is_wrong(mutant: str) -> None:
    wrong = []
    for store in STORES.values():
        following = Following(Writing(COMMITTER_MUTANTS[mutant], store))
        await following.follow()
        wrong += following.wrong
    assert wrong


async def test_pages_of_a_group_do_not_touch_each_other() -> None:
    """Neighbours and points with foreign ids: the first stay, the second go."""
    shelf = shelf_of(whole(3))
    for one, url, version in (("foreign", PAGE, None), ("neighbour", f"{PAGE}other", "3")):
        point = shelf.points["3#1"]
        payload = {KEY: url, CHUNK_INDEX: 1, **({VERSION: version} if version else {})}
        shelf.points[one] = StoredPoint(one, point.vector, point.words, payload)
    limiter = Limiter(
        "store",
        start=1,
        high=1,
        clock=SystemClock(),
        rng=EvenDice(),
        give_up_after=1,
        stats=StageStats(),
    )
    stamp = RunStamp("run", "now", "rev", "model")
    committer = Committer(MemoryStore(shelf, Moments(), EvenDice()), limiter, stamp, 1)
    assert await committer.write([task_of(2)]) == [None]
    assert set(shelf.points) == {"2#0", "2#1", "neighbour"}
    assert shelf.points["2#0"].payload[COMMITTED] is True
