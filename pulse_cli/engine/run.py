"""One run of `pulse index`, from its checkpoint to its summary.

Guarantees: a checkpoint with the run id is saved before the first write to the store, then every
2 s or 4,096 records, and at the end however the run ends (`progress.checkpoint` says why that is
safe). When a run is resumed, and when it begins anew, is decided in `resume`.
"""

from __future__ import annotations

import asyncio

from pulse_cli.engine.budget import Budget
from pulse_cli.engine.clock import rfc3339
from pulse_cli.engine.commit import Committer
from pulse_cli.engine.embedding import EmbedPool
from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.group import GroupTask
from pulse_cli.engine.limiter import Limiter, unfailing_limiter
from pulse_cli.engine.outage import OutageReport
from pulse_cli.engine.pipeline import Pipeline
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.engine.progress.ledger import Ledger
from pulse_cli.engine.progress.state_files import StateFiles
from pulse_cli.engine.prune import PruneOptions, prune_by_crawl
from pulse_cli.engine.reading import read_ahead_bytes
from pulse_cli.engine.resume import OpenRun, RunDependencies, RunOptions, may_restart, open_run
from pulse_cli.engine.summary import summarize
from pulse_cli.engine.threads import Threads
from pulse_cli.errors import Fatal, PruneRefused, SourceChanged
from pulse_cli.events import Draining, Message, Progress, StageStats, Started, Stats, Summary
from pulse_cli.payload import RunStamp

CHECKPOINT_SECONDS, CHECKPOINT_RECORDS = 2.0, 4096
TICK_SECONDS = 0.25
STORE_LAG_CHUNKS = 512


async def index(parts: RunDependencies, files: StateFiles, options: RunOptions) -> Summary:
    """Run to the end, a signal, or an error. The locks of `files` must be held.

    Raises Fatal only where the run could not begin; later errors are in the summary.
    """
    try:
        return await _index(parts, files, options, restart=options.restart)
    except SourceChanged as changed:
        if not await may_restart(parts, options, changed):
            raise
        return await _index(parts, files, options, restart=True)


async def _index(
    parts: RunDependencies, files: StateFiles, options: RunOptions, *, restart: bool
) -> Summary:
    checkpoint = CheckpointFile(files.checkpoint, syscalls=parts.syscalls)
    opened = await open_run(parts, files, options, checkpoint, restart=restart)
    run = _Run(parts, files, options, checkpoint, opened)
    try:
        return await run.to_the_end()
    finally:
        opened.run_state.close()


class _Run:
    """The running of one opened run."""

    def __init__(
        self,
        parts: RunDependencies,
        files: StateFiles,
        options: RunOptions,
        checkpoint: CheckpointFile,
        opened: OpenRun,
    ) -> None:
        self._parts = parts
        self._files = files
        self._options = options
        self._checkpoint = checkpoint
        self._opened = opened
        self._run_state = opened.run_state
        self._stats = Stats(counts=opened.run_state.counts)
        self._started = parts.clock.monotonic()
        self._epoch = 0
        fixed, limits = options.concurrency, parts.embedder.limits
        stages = self._stats.stages
        stages |= {name: StageStats() for name in ("read", "prepare", "embed", "store")}
        self._reader = unfailing_limiter("read", 1, parts.clock, stages["read"])
        self._cpu = self._limiter("prepare", options.threads, options.threads)
        self._embed = self._limiter("embed", fixed or limits.start, fixed or limits.in_flight)
        self._store = self._limiter("store", min(2, parts.store.in_flight), parts.store.in_flight)
        ahead = read_ahead_bytes(limits, fixed, parts.preparer.chunk_tokens)
        self._ledger = Ledger(self._run_state.book, max_bytes=ahead)
        self._saving = asyncio.Lock()
        self._pruned = 0
        self._outages = OutageReport(parts.observer)
        self._saved_passed = 0
        self._saved_at = self._started
        self._unsynced: Fatal | None = None

    def _limiter(self, name: str, start: int, high: int) -> Limiter:
        parts = self._parts
        return Limiter(
            _SERVICES[name],
            start=start,
            high=high,
            clock=parts.clock,
            rng=parts.rng,
            give_up_after=self._options.give_up_after,
            stats=self._stats.stages[name],
        )

    async def to_the_end(self) -> Summary:
        """Run, save, and sum up."""
        parts, opened, target = self._parts, self._opened, self._options.target
        began = Started(opened.run_id, opened.resumed, self._options.sources, target.store)
        parts.observer.on(began)
        await self._save(complete=False)
        self._files.remove_unneeded(opened.run_id)
        fault_point("run-opened")
        error: Fatal | None = None
        with Threads(self._options.threads + 1) as threads:
            pipeline = self._pipeline(threads)
            helpers = [asyncio.create_task(do(pipeline)) for do in (self._housekeep, self._heed)]
            try:
                await pipeline.run(self._run_state.position)
                if pipeline.exhausted:
                    await self._committer.delete_probe()
            except Fatal as fatal:
                error = fatal
            finally:
                async with self._saving:  # its threads could not be cancelled, and would go on
                    for task in helpers:
                        task.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)
        self._refresh_stats()
        if isinstance(error, SourceChanged):
            raise error
        complete = error is None and pipeline.exhausted and not self._ledger.open_tickets
        if complete and self._options.prune is not None:
            complete, error = await self._prune(self._options.prune)
        failure = await self._finish(complete, error)
        return self._summary(complete and failure is error, failure, tuple(pipeline.notes.lines()))

    async def _prune(self, options: PruneOptions) -> tuple[bool, Fatal | None]:
        """Prune. Returns whether the run is complete, and its error.

        A run whose pruning is refused is complete: everything is indexed.
        """
        try:
            await self._save(complete=False)  # also writes the last pages to the seen file
            parts = self._parts
            removed = await prune_by_crawl(
                parts.store, self._store, self._run_state, options, parts.stop
            )
        except Fatal as error:
            return isinstance(error, PruneRefused), error
        fault_point("pruned")
        self._pruned = removed or 0
        return removed is not None, None

    def _pipeline(self, threads: Threads) -> Pipeline:
        parts, options, opened = self._parts, self._options, self._opened
        stamp = RunStamp(
            run_id=opened.run_id,
            indexed_at=rfc3339(opened.state["started"]),
            rev=parts.preparer.rev,
            embedder=parts.embedder.model,
        )
        pool = EmbedPool(parts.embedder, self._embed, parts.clock, self._stats)
        budget = Budget(self._most_in_the_works)
        self._committer = Committer(parts.store, self._store, stamp, parts.embedder.dimension)
        group_task = GroupTask(
            preparer=parts.preparer,
            ledger=self._ledger,
            pool=pool,
            committer=self._committer,
            budget=budget,
            cpu=self._cpu,
            run_in_thread=threads,
            stats=self._stats,
            clock=parts.clock,
            force=options.force,
        )
        return Pipeline(
            source=opened.source,
            preparer=parts.preparer,
            ledger=self._ledger,
            pool=pool,
            budget=budget,
            group_task=group_task,
            reader=self._reader,
            observer=parts.observer,
            group_chunks=parts.embedder.limits.group,
            limit=options.limit,
        )

    def _most_in_the_works(self) -> int:
        """Chunks in progress: twice what the embedder works on, and what waits for the store."""
        return STORE_LAG_CHUNKS + 2 * self._parts.embedder.limits.batch * self._embed.limit

    async def _housekeep(self, pipeline: Pipeline) -> None:
        """Report progress to observers, and save when it is time."""
        clock = self._parts.clock
        try:
            while True:
                await clock.sleep(TICK_SECONDS)
                self._refresh_stats()
                self._parts.observer.on(Progress(self._stats))
                news = self._run_state.passed - self._saved_passed
                late = clock.monotonic() - self._saved_at >= CHECKPOINT_SECONDS
                if news >= CHECKPOINT_RECORDS or (news and late):
                    await self._save(complete=False)
        except Exception as error:
            pipeline.fail(error)

    async def _heed(self, pipeline: Pipeline) -> None:
        """Drain when told to stop."""
        await self._parts.stop.wait()
        by = self._parts.stop.signal
        self._parts.observer.on(Draining(by.name if by else "stop"))
        pipeline.interrupt()

    async def _save(self, *, complete: bool) -> None:
        async with self._saving:
            await self._save_alone(complete)

    async def _save_alone(self, complete: bool) -> None:
        """The checkpoint; its order is the correctness argument of `engine.checkpoint`."""
        if self._unsynced is not None:
            raise self._unsynced  # a second fsync succeeds although the disk has lost the data
        self._saved_at = self._parts.clock.monotonic()
        self._saved_passed = self._run_state.passed
        self._epoch += 1
        state = {
            **self._opened.state,
            **self._run_state.snapshot(),
            "epoch": self._epoch,
            "saved_at": self._parts.clock.time(),
            "complete": complete,
        }
        fault_point("checkpoint-snapshot")
        try:
            await asyncio.to_thread(self._run_state.sync)
            await self._store.run(self._parts.store.sync)
        except Fatal as fatal:
            self._unsynced = fatal
            raise
        fault_point("checkpoint-store-synced")
        await asyncio.to_thread(self._checkpoint.save, state)
        fault_point("checkpoint-saved")

    async def _finish(self, complete: bool, error: Fatal | None) -> Fatal | None:
        """Save for the last time, and count each page once. Returns the error of the run."""
        try:
            if not self._run_state.closed:
                if not complete:  # the next start continues with the counts as they are
                    await self._save(complete=False)
                await asyncio.to_thread(self._run_state.settle)
                if complete:
                    await self._save(complete=True)
        except Fatal as fatal:
            if not (complete and self._checkpoint.says_complete(self._epoch)):
                return error or fatal
            # The run has not failed, and the next start will be a new run. If a crash brings the
            # previous checkpoint back, the next start resumes this run, which is as good.
            self._parts.observer.on(Message("warning", f"all is indexed, but {fatal}"))
        if complete:
            self._files.remove_unneeded(None)
        return error

    def _refresh_stats(self) -> None:
        stats = self._stats
        stats.elapsed_s = self._parts.clock.monotonic() - self._started
        stats.bytes_read, stats.bytes_total = self._opened.source.progress()
        stats.open_records = self._ledger.open_tickets
        limiters = (self._embed, self._store, self._cpu, self._reader)
        for limiter in limiters:
            limiter.refresh_stats()
        said = (limiter.waiting() for limiter in limiters)
        stats.waiting_for = next(filter(None, said), None) or self._opened.source.waiting()
        self._outages.look(stats.waiting_for)

    def _summary(self, complete: bool, error: Fatal | None, notes: tuple[str, ...]) -> Summary:
        self._refresh_stats()
        return summarize(
            self._opened,
            self._options,
            self._stats,
            complete=complete,
            error=error,
            stopped_by=self._parts.stop.stopped_by,
            checkpoint=str(self._files.checkpoint),
            notes=notes,
            pruned=self._pruned,
        )


_SERVICES = {"prepare": "the token counter", "embed": "the embedder", "store": "the store"}
