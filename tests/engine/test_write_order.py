"""The order of writes, enumerated: every death in every sequence of four writes of one page.

A version of the page has one to four chunks. What can be in the store after so many writes,
each cut short anywhere or whole, is followed state by state, so every sequence is covered.
In each of these states a commit record must tell the truth, and one whole write of any
version must leave that version, whole and alone.
"""

from __future__ import annotations

import random
from typing import Any, TypeAlias

import numpy as np
import pytest

from pulse_cli.engine.clock import SystemClock
from pulse_cli.engine.commit import Committer, RunStamp, Writable, is_current
from pulse_cli.engine.limiter import Limiter
from pulse_cli.events import StageStats
from pulse_cli.model import Chunk, Document, Identity, Point, Prepared, Terms
from tests.torture.moments import Crash, Moments
from tests.torture.mutants import HashStays, NothingDeleted, OldCount
from tests.torture.services import MemoryStore, Shelf

KEY = "https://site.example/"
WRITES = 4
VERSIONS = (1, 2, 3, 4)  # by their number of chunks
State: TypeAlias = frozenset[tuple[str, str, str | None, int]]  # id, text, hash, chunk count


class EvenDice(random.Random):
    """No delays, and one point per request: as many places to die as there can be."""

    def randrange(self, *_: Any) -> int:
        return 0

    def randint(self, *_: Any) -> int:
        return 1


def version(count: int, *, exists: bool) -> Writable:
    identity = Identity(KEY, "site.example", f"hash of {count}", "chunk 0")
    places = [0] * count
    prepared = Prepared(Document(KEY, ""), identity, "", places, places, places)
    chunks = [
        Chunk(f"chunk {n}", n, f"text {n} of {count}", 1, 0, 0, Terms([], [])) for n in range(count)
    ]
    return Writable(prepared, chunks, [np.zeros(1, np.float32)] * count, exists)


def committer_on(shelf: Shelf, moments: Moments, kind: type[Committer]) -> Committer:
    clock = SystemClock()
    stats = StageStats()
    limiter = Limiter(
        "store", start=1, high=1, clock=clock, rng=EvenDice(), give_up_after=1, stats=stats
    )
    return kind(MemoryStore(shelf, moments, EvenDice()), limiter, RunStamp("run", "now", "rev"), 1)


def shelf_of(state: State) -> Shelf:
    points = {
        one: Point(
            one,
            np.zeros(1, np.float32),
            Terms([], []),
            {
                "canonical_url": KEY,
                "text": text,
                "content_hash": content_hash,
                "chunk_count": count,
                "rev": "rev",
            },
        )
        for one, text, content_hash, count in state
    }
    return Shelf(points, dict(points), [])


def state_of(shelf: Shelf) -> State:
    return frozenset(
        (point.id, p["text"], p["content_hash"], p["chunk_count"])
        for point in shelf.points.values()
        for p in [point.payload]
    )


def whole(count: int) -> State:
    return frozenset(
        (f"chunk {n}", f"text {n} of {count}", f"hash of {count}", count) for n in range(count)
    )


async def write(
    state: State, count: int, dies_at: int, kind: type[Committer]
) -> tuple[State, bool]:
    """Write a version as a run does; the state then, and whether it died on the way."""
    moments = Moments(lambda name: name == "store-after-write", dies_at)
    shelf = shelf_of(state)
    committer = committer_on(shelf, moments, kind)
    identity = version(count, exists=False).identity
    commit = (await committer.lookup([identity])).get(identity.commit_id)
    if is_current(commit, identity, "rev"):
        return state, False
    failures: list[Any] = []
    try:
        document = version(count, exists=commit is not None)
        await committer.write([document], lambda _: None, lambda _, error: failures.append(error))
    except Crash:
        return state_of(shelf), True
    assert not failures
    return state_of(shelf), False


async def reachable(kind: type[Committer]) -> set[State]:
    """Every state after at most three writes that may have died anywhere."""
    states: set[State] = {frozenset()}
    for _ in range(WRITES - 1):
        for state in list(states):
            for count in VERSIONS:
                died, dies_at = True, 0
                while died:
                    dies_at += 1
                    after, died = await write(state, count, dies_at, kind)
                    states.add(after)
    return states


async def wrong_ends(kind: type[Committer]) -> list[tuple[State, int]]:
    """The states from which a last, whole write of a version does not leave just that."""
    return [
        (state, count)
        for state in await reachable(kind)
        for count in VERSIONS
        if (await write(state, count, 10**9, kind))[0] != whole(count)
    ]


async def test_whatever_died_before_a_whole_write_ends_right() -> None:
    states = await reachable(Committer)
    assert len(states) > 50
    assert await wrong_ends(Committer) == []


@pytest.mark.parametrize("broken", [HashStays, NothingDeleted, OldCount])
async def test_without_one_of_the_steps_some_sequence_ends_wrong(broken: type[Committer]) -> None:
    assert await wrong_ends(broken)


async def test_pages_of_a_group_do_not_touch_each_other() -> None:
    """Neighbours and points with foreign ids: the first stay, the second go."""
    shelf = shelf_of(whole(3))
    for one, url in (("foreign", KEY), ("neighbour", f"{KEY}other")):
        point = shelf.points["chunk 0"]
        shelf.points[one] = Point(
            one, point.vector, point.terms, {**point.payload, "canonical_url": url}
        )
    committer = committer_on(shelf, Moments(), Committer)
    await committer.write([version(2, exists=True)], lambda _: None, lambda *_: None)
    assert set(shelf.points) == {"chunk 0", "chunk 1", "neighbour"}
