"""A machine with a disk, a store and an embedder, on which runs are started and die.

A run here is the real engine with the real reader, preparer and files; only the two
services are in memory and the clock is fast, so that hundreds of crashes take seconds.
What is left after the last start is compared with a world in which nothing ever died.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pulse_cli.engine import (
    DeadLimit,
    RunDependencies,
    RunOptions,
    Stop,
    hold_locks,
    index,
    state_files,
)
from pulse_cli.engine.fault_points import set_fault_hook
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.events import NullObserver, Summary, Target
from pulse_cli.model import Input
from pulse_cli.ports import Preparer, Source, Store
from pulse_cli.prepare import PrepareOptions, open_counter, open_preparer, vendored_tokenizer
from pulse_cli.read import ReadOptions, open_source
from tests.torture.moments import Crash, Moments, MortalCalls, kill_task
from tests.torture.services import DIMENSION, MemoryEmbedder, MemoryStore, Shelf

SPEED = 200.0  # seconds of the run per second
MOST_UNSEEN = 0.02  # seconds of a machine that stood still, as the run counts them
NOT_COMPARED = ("run_id", "indexed_at")
TARGET = Target("memory", "memory", "c", DIMENSION)


class FastClock:
    """The real clock, faster: a checkpoint every 10 ms.

    A machine that stands still for half a second must not look like a service that was down
    for two minutes: of what passes between two readings, `MOST_UNSEEN` counts.
    """

    def __init__(self) -> None:
        self._read = time.monotonic()
        self._now = 0.0

    def monotonic(self) -> float:
        read = time.monotonic()
        self._now += min(read - self._read, MOST_UNSEEN) * SPEED
        self._read = read
        return self._now

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        await asyncio.sleep(seconds / SPEED)
        self._now = max(self.monotonic(), until)


@cache
def preparer() -> Preparer:
    counter, _ = open_counter(vendored_tokenizer())
    return open_preparer(PrepareOptions(32, 8, model="memory", dimension=DIMENSION), counter)


@dataclass
class Left:
    """What a run leaves behind, without what may differ between equal runs."""

    points: dict[str, Any]
    dead_letters: list[dict[str, Any]]
    counts: dict[str, Any]

    def only(self, pages: set[str]) -> Left:
        """With the points of these pages only."""
        kept = {
            one: point
            for one, point in self.points.items()
            if point["payload"]["canonical_url"] in pages
        }
        return Left(kept, self.dead_letters, self.counts)

    def differences(self, other: Left) -> list[str]:
        """Where `self` (expected) and `other` differ, in words."""
        found = []
        for one in sorted(self.points.keys() | other.points.keys()):
            mine, theirs = self.points.get(one), other.points.get(one)
            if mine != theirs:
                shown = mine or theirs
                assert shown is not None
                where = f"{shown['payload']['canonical_url']}#{shown['payload']['chunk_index']}"
                how = "lost" if theirs is None else "too many" if mine is None else "other"
                found.append(f"point {where}: {how}")
        if self.dead_letters != other.dead_letters:
            found.append(
                f"dead letters: {len(self.dead_letters)} expected, {len(other.dead_letters)} there"
            )
        found += [
            f"count {name}: {self.counts[name]} expected, {other.counts[name]} there"
            for name in self.counts
            if self.counts[name] != other.counts[name]
        ]
        return found


def comparable(counts: dict[str, Any], *, exact: bool) -> dict[str, Any]:
    """Counters; unless `exact`, without those that depend on indexed or unchanged."""
    counts = dict(counts)
    if not exact:
        counts["kept"] = counts.pop("indexed") + counts.pop("unchanged")
        del counts["chunks"], counts["tokens"]
    return counts


def letters_in(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class World:
    """See the module docstring. `flaky` is the share of requests that fail and are repeated."""

    def __init__(
        self, folder: Path, seed: int, *, shelf: Shelf | None = None, flaky: float = 0.0
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.shelf = shelf or Shelf()
        self.rng = random.Random(seed)
        self.flaky = flaky
        self.embedded: list[str] = []
        self.preparer = preparer()

    async def start(
        self,
        source: Path,
        moments: Moments | None = None,
        *,
        stop: Stop | None = None,
        calls: Any = None,
        **options: Any,
    ) -> Summary | None:
        """One process: runs to its end, or dies and is None."""
        moments = moments or Moments()
        embedder = MemoryEmbedder(moments, self.rng, flaky=self.flaky)
        store = await self.open_store(moments)

        async def opened(inputs: Sequence[Input] | None) -> Source:
            return open_source([str(source)], ReadOptions(), inputs)

        parts = RunDependencies(
            open_source=opened,
            preparer=self.preparer,
            embedder=embedder,
            store=store,
            observer=NullObserver(),
            clock=FastClock(),
            stop=stop or Stop(),
            rng=random.Random(self.rng.random()),
            syscalls=calls or MortalCalls(moments),
        )
        files = state_files(self.state, [str(source)], "memory")
        asked = RunOptions(
            sources=(str(source),),
            target=TARGET,
            command="pulse index x",
            dead_limit=DeadLimit(share=None),
            **options,
        )

        async def run() -> Summary:
            async with hold_locks(files, files.folder, 0, parts.clock):
                try:
                    return await index(parts, files, asked)
                finally:
                    await store.close()

        others = asyncio.all_tasks()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_quiet_about_the_dead)
        task = asyncio.ensure_future(run())
        moments.on_death = kill_task(task)
        set_fault_hook(moments.passing)
        try:
            return await task
        except (Crash, asyncio.CancelledError):
            assert moments.dead
            return None
        finally:
            set_fault_hook(None)
            self.embedded += embedder.embedded
            await settle(others)

    async def open_store(self, moments: Moments) -> Store:
        """The store as a new process finds it."""
        return MemoryStore(self.shelf, moments, self.rng, flaky=self.flaky)

    def finished(self, source: Path) -> dict[str, Any] | None:
        """The checkpoint of these sources, if it says that the run is complete."""
        path = state_files(self.state, [str(source)], "memory").checkpoint
        state = CheckpointFile(path).load()
        return state if state is not None and state["complete"] else None

    def left(self, source: Path, *, exact: bool) -> Left:
        """What the run over `source`, which is complete, left behind."""
        state = self.finished(source)
        assert state is not None, "the run did not complete"
        files = state_files(self.state, [str(source)], "memory")
        letters = letters_in(files.dead_letters(state["run_id"]))
        return Left(self.points(), letters, comparable(state["counts"], exact=exact))

    def points(self) -> dict[str, Any]:
        """Everything in the store but what may differ between equal runs."""
        return {
            one: {
                "payload": {k: v for k, v in point.payload.items() if k not in NOT_COMPARED},
                "vector": point.vector.tobytes(),
                "words": point.words,
            }
            for one, point in self.shelf.points.items()
        }


async def settle(others: set[asyncio.Task[Any]]) -> None:
    """Let the tasks of a dead process come to their end."""
    rest = asyncio.all_tasks() - others
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def _quiet_about_the_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), Crash):
        loop.default_exception_handler(context)
