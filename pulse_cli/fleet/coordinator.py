"""Carries one run to its end by giving jobs to workers. See the package for the plan.

Guarantees: the checkpoint says position 0 until everything is merged, so each start does again what
has no kept result, with or without workers. Results are kept as they come. The run is complete only
when no worker can be writing to the target any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from pulse_cli.engine import RunDependencies, RunOptions, StateFiles
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.notes import Notes
from pulse_cli.engine.outage import OutageReport
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.engine.progress.dead_letters import example_of
from pulse_cli.engine.progress.json_text import from_json
from pulse_cli.engine.progress.run_state import MOST_REASONS, too_many_dead
from pulse_cli.engine.prune import PruneOptions, prune_by_crawl
from pulse_cli.engine.resume import OpenRun
from pulse_cli.engine.summary import summarize
from pulse_cli.errors import Fatal, Kind, PruneRefused, SourceChanged, Unavailable
from pulse_cli.events import (
    Draining,
    Message,
    Problem,
    Progress,
    StageStats,
    Started,
    Stats,
    Summary,
)
from pulse_cli.fleet.board import JobBoard
from pulse_cli.fleet.dispatch import Dispatch
from pulse_cli.fleet.kept_results import KeptResults, KeptScans
from pulse_cli.fleet.merging import add_counts, in_source_order
from pulse_cli.fleet.messages import index_job, result_of_json, scan_job
from pulse_cli.fleet.plan import Plan, Shard, plan_jobs
from pulse_cli.fleet.totals import Totals
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.fleet.local_workers import LocalWorkers


@dataclass(slots=True)
class Coordinator:
    """Of one opened run, whose jobs are on `board`. `cut` gives its shards."""

    services: Services
    parts: RunDependencies
    files: StateFiles
    options: RunOptions
    opened: OpenRun
    checkpoint: CheckpointFile
    board: JobBoard
    cut: Callable[[], Sequence[Shard]]
    workers: LocalWorkers | None = None
    _kept: KeptResults = field(init=False)
    _stats: Stats = field(init=False)
    _totals: Totals = field(default_factory=Totals)
    _notes: Notes = field(default_factory=Notes)
    _started: float = field(init=False)
    _dispatch: Dispatch = field(init=False)
    _epoch: int = 0
    _cpu_seconds: float = 0.0
    _outages: OutageReport = field(init=False)

    def __post_init__(self) -> None:
        self._kept = KeptResults(self.files.shards(self.opened.run_id))
        self._stats = Stats(counts=self.opened.run_state.counts)
        self._stats.bytes_total = self.opened.source.progress()[1]
        self._started = self.parts.clock.monotonic()
        self._outages = OutageReport(self.parts.observer)
        self._dispatch = Dispatch(
            board=self.board,
            services=self.services,
            observer=self.parts.observer,
            clock=self.parts.clock,
            stop=self.parts.stop,
            keep=self._keep,
            show=self._show,
            workers=self.workers,
        )

    async def to_the_end(self) -> Summary:
        """Run, merge, and sum up. Raises SourceChanged; other errors are in the summary."""
        parts, opened = self.parts, self.opened
        began = Started(
            opened.run_id, opened.resumed, self.options.sources, self.options.target.store
        )
        parts.observer.on(began)
        await self._save(complete=False)
        self.files.remove_unneeded(opened.run_id)
        error: Fatal | None = None
        complete, pruned = False, 0
        try:
            complete = await self._all_jobs()
        except SourceChanged:
            raise
        except Fatal as fatal:
            error = fatal
        try:
            await asyncio.to_thread(self._write_letters)
            if complete and self.options.prune is not None:
                complete, error, pruned = await self._prune(self.options.prune)
            if complete:
                await self._save(complete=True)
                self.files.remove_unneeded(None)
        except Fatal as fatal:
            complete, error = False, error or fatal
        return self._summary(complete, error, pruned)

    async def _all_jobs(self) -> bool:
        """Whether all jobs have a result that is kept. False after a signal. Raises Fatal."""
        store, bulk = self.parts.store, self.services.settings.qdrant.bulk
        run_id = self.opened.run_id
        await self.services.patiently(
            "the store", lambda: store.begin_load(bulk=bulk, run_id=run_id)
        )
        try:
            await self._dispatch.begin()
            if await self._scan() and await self._index():
                await self._dispatch.end()
                return True
            self.parts.observer.on(Draining(self.parts.stop.stopped_by or "stop"))
            return False
        finally:
            await self._dispatch.close()

    async def _scan(self) -> bool:
        shards = await asyncio.to_thread(self._shards)
        held = self.options.prune is not None
        jobs: dict[str, Callable[[], Mapping[str, Any]]] = {
            _scan_name(number): lambda shard=shard: scan_job(shard, held=held)  # type: ignore[misc]
            for number, shard in enumerate(shards)
        }
        if not await self._dispatch.carry_out(jobs, self._kept.names()):
            return False
        run_state = self.opened.run_state
        run_state.partial.clear()
        for scan in KeptScans(self._kept, list(jobs)):
            self._notes.merge(scan.notes.kinds())
            run_state.partial += scan.partial[: MOST_REASONS - len(run_state.partial)]
        for line in self._notes.lines():
            self.parts.observer.on(Message("warning", line))
        return True

    async def _index(self) -> bool:
        plan = await asyncio.to_thread(self._plan)
        names = self._kept.names()
        for name in [*_names("first", plan.first), *_names("last", plan.last)]:
            if name in names:
                self._add(name)
        self.opened = replace(self.opened, earlier=deepcopy(self._stats.counts))
        for phase, jobs in (("first", plan.first), ("last", plan.last)):
            wanted: dict[str, Callable[[], Mapping[str, Any]]] = {
                name: lambda job=job: index_job(job)  # type: ignore[misc]
                for name, job in zip(_names(phase, jobs), jobs, strict=True)
            }
            if not await self._dispatch.carry_out(wanted, names):
                return False
        return True

    def _shards(self) -> list[Shard]:
        shards = self._kept.shards()
        if shards is None:
            shards = list(self.cut())
            self._kept.fix_shards(shards)
        return shards

    def _plan(self) -> Plan:
        shards = self._shards()
        scans = KeptScans(self._kept, [_scan_name(number) for number in range(len(shards))])
        return plan_jobs(shards, scans, self._kept.folder)

    async def _keep(self, name: str, data: bytes) -> None:
        """Keep a result. Raises Fatal where it is a problem, or there are too many dead letters."""
        result = result_of_json(data)
        problem = result.problem or (result.shard.problem if result.shard is not None else None)
        if problem is not None:
            raise _error_of(problem)
        await asyncio.to_thread(self._kept.keep, name, result)
        self._cpu_seconds += result.cpu_seconds
        if result.shard is not None:
            self._add(name)
            run_state = self.opened.run_state
            if run_state.dead_limit.exceeded(run_state.counts):
                raise too_many_dead(run_state.counts, run_state.dead_letters.path)

    def _show(self, live: Mapping[str, bytes]) -> None:
        """Tell the observers where the run is. `live`: what the workers say of jobs in hand."""
        self._totals.show(self._stats, live)
        self._stats.elapsed_s = self.parts.clock.monotonic() - self._started
        self._outages.look(self._stats.waiting_for)
        self.parts.observer.on(Progress(self._stats))

    def _add(self, name: str) -> None:
        shard = self._kept.shard(name)
        add_counts(self._stats.counts, shard.counts)
        self._totals.add(shard, reads_again=name.startswith("last"))

    def _write_letters(self) -> None:
        """Write the dead letters of all results there are, in source order."""
        run_state = self.opened.run_state
        kept = sorted(self._kept.names())
        first = [name for name in kept if name.startswith("first")]
        last = [name for name in kept if name.startswith("last")]
        in_order = chain.from_iterable(self._kept.letters(name) for name in first)
        shards = self._kept.shards() or []
        merged = in_source_order(shards, [in_order, *map(self._kept.letters, last)])
        for letter in merged:
            run_state.dead_letters.append(letter)
            reason = from_json(letter)["reason"]
            if reason not in run_state.examples:
                run_state.examples[reason] = example_of(letter)
        run_state.sync()

    async def _prune(self, options: PruneOptions) -> tuple[bool, Fatal | None, int]:
        """Whether the run is complete, its error, and how many pages were removed."""
        parts, run_state = self.parts, self.opened.run_state
        for number in range(len(self._shards())):
            entries = await asyncio.to_thread(self._kept.held, _scan_name(number))
            await asyncio.to_thread(run_state.seen.append, entries)
        limiter = Limiter(
            "the store",
            start=1,
            high=1,
            clock=parts.clock,
            rng=parts.rng,
            give_up_after=self.options.give_up_after,
            stats=StageStats(),
        )
        try:
            removed = await prune_by_crawl(parts.store, limiter, run_state, options, parts.stop)
        except Fatal as error:
            return isinstance(error, PruneRefused), error, 0
        return removed is not None, None, removed or 0

    async def _save(self, *, complete: bool) -> None:
        """Save the checkpoint, which says position 0 until the run is complete."""
        self._epoch += 1
        state = {
            **self.opened.state,
            **self.opened.run_state.snapshot(),
            "epoch": self._epoch,
            "saved_at": self.parts.clock.time(),
            "complete": complete,
        }
        await asyncio.to_thread(self.opened.run_state.sync)
        if complete:
            await self.services.patiently("the store", self.parts.store.sync)
        await asyncio.to_thread(self.checkpoint.save, state)

    def _summary(self, complete: bool, error: Fatal | None, pruned: int) -> Summary:
        self._totals.show(self._stats, {})
        self._stats.elapsed_s = self.parts.clock.monotonic() - self._started
        self._stats.stages.setdefault("embed", StageStats())
        summary = summarize(
            self.opened,
            self.options,
            self._stats,
            complete=complete,
            error=error,
            stopped_by=self.parts.stop.stopped_by,
            checkpoint=str(self.files.checkpoint),
            notes=tuple(self._notes.lines()),
            pruned=pruned,
        )
        cpu = summary.cpu_seconds + self._cpu_seconds
        return replace(summary, cpu_seconds=cpu, embed_requests=self._totals.embed_requests)


def _scan_name(number: int) -> str:
    return f"scan-{number:06}"


def _names(phase: str, jobs: Sequence[object]) -> list[str]:
    return [f"{phase}-{number:06}" for number in range(len(jobs))]


def _error_of(problem: Problem) -> Fatal:
    """The error that a worker had."""
    kinds: dict[Kind, type[Fatal]] = {
        Kind.SOURCE_CHANGED: SourceChanged,
        Kind.UNAVAILABLE: Unavailable,
    }
    error = kinds.get(problem.kind, Fatal)
    return error(problem.message, hint=problem.hint, kind=problem.kind)
