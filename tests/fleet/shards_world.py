"""A machine on which a crawl is indexed shard by shard, in any order, with jobs that die."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pulse_cli.engine import RunDependencies, RunOptions, Stop
from pulse_cli.engine.fault_points import set_fault_hook
from pulse_cli.engine.resume import RunIdentity
from pulse_cli.events import Counts, NullObserver
from pulse_cli.fleet.chosen_documents import ChosenDocuments
from pulse_cli.fleet.index_shard import ShardResult, index_shard
from pulse_cli.fleet.merging import add_counts, in_source_order
from pulse_cli.fleet.plan import IndexJob, Plan, Shard, placed, plan_jobs
from pulse_cli.fleet.scan import scan
from pulse_cli.read import ReadOptions, open_source
from pulse_cli.read.open_source import open_pieces
from pulse_cli.read.pieces import cut_into_shards
from tests.torture.moments import Crash, Moments, kill_task
from tests.torture.services import MemoryEmbedder, MemoryStore, Shelf
from tests.torture.world import TARGET, FastClock, Left, World, comparable, preparer, settle

IDENTITY = RunIdentity("20260101T000000-abcdef", 1_767_225_600.0)


class ShardsWorld:
    """`seed` decides in which order jobs run, `sources` are read in shards of `shard_bytes`."""

    def __init__(
        self, folder: Path, seed: int, sources: Sequence[Path], shard_bytes: int, shelf: Shelf
    ) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.sources = [str(source) for source in sources]
        self.world = World(folder, seed, shelf=shelf)
        inputs = open_source(self.sources, ReadOptions()).inputs
        self.shards: list[Shard] = cut_into_shards(inputs, shard_bytes)
        folder.mkdir(exist_ok=True)

    def plan(self) -> Plan:
        scans = []
        for shard in self.shards:
            source = open_pieces(self.sources, ReadOptions(), shard)
            scans.append(scan(source, preparer(), held=False))
        self.shards = placed(self.shards, scans)
        return plan_jobs(self.shards, scans, self.folder)

    async def carry_out(self, plan: Plan, *, deaths: int = 0, at_once: int = 1) -> Left:
        """Every job, `at_once` of them at a time; the first `deaths` of them die once before."""
        results = []
        for jobs in (plan.first, plan.last):
            shuffled = self.rng.sample(jobs, len(jobs))
            for begin in range(0, len(shuffled), at_once):
                together = shuffled[begin : begin + at_once]
                for job in together[:deaths]:
                    await self.die_over(job)
                results += await asyncio.gather(*(self.index(job) for job in together))
        return self._left(results)

    async def die_over(self, job: IndexJob) -> None:
        """Begin a job, and be killed at a random moment of it."""
        moments = Moments(lambda _: True, self.rng.randint(1, 60))
        others = asyncio.all_tasks()
        asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
        task = asyncio.ensure_future(self.index(job, moments))
        moments.on_death = kill_task(task)
        set_fault_hook(moments.passing)
        try:
            await task
        except (Crash, asyncio.CancelledError):
            assert moments.dead
        finally:
            set_fault_hook(None)
            await settle(others)

    async def index(self, job: IndexJob, moments: Moments | None = None) -> ShardResult:
        moments = moments or Moments()
        embedder = MemoryEmbedder(moments, self.rng)

        async def open_shard(_: object) -> ChosenDocuments:
            source = open_pieces(self.sources, ReadOptions(), job.pieces)
            return ChosenDocuments(source, job.numbered, alone=job.alone)

        parts = RunDependencies(
            open_source=open_shard,
            preparer=preparer(),
            embedder=embedder,
            store=MemoryStore(self.world.shelf, moments, self.rng),
            observer=NullObserver(),
            clock=FastClock(),
            stop=Stop(),
        )

        options = RunOptions(tuple(self.sources), TARGET, "pulse index x")
        return await index_shard(parts, open_shard, IDENTITY, options)

    def _left(self, results: Sequence[ShardResult]) -> Left:
        counts = Counts()
        for result in results:
            assert result.complete, result.problem
            add_counts(counts, result.counts)
        letters = in_source_order(self.shards, [result.dead_letters for result in results])
        found = [json.loads(letter) for letter in letters]
        return Left(self.world.points(), found, comparable(asdict(counts), exact=True))
