"""Carries out the jobs of a worker, with services that are opened once.

A job of a run that was begun by another version of pulse, or that writes elsewhere or otherwise
than the settings of this worker say, is refused: its result is the problem, in words.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pulse_cli import __version__
from pulse_cli.app.index import Job
from pulse_cli.app.run_options import run_options, source_fingerprint
from pulse_cli.engine import RunDependencies, Stop
from pulse_cli.engine.progress.json_text import to_json
from pulse_cli.engine.resume import RunIdentity
from pulse_cli.errors import Fatal, Kind, PulseError
from pulse_cli.events import Event, Problem, Progress, Stats
from pulse_cli.fleet.chosen_documents import ChosenDocuments
from pulse_cli.fleet.fenced_store import fenced
from pulse_cli.fleet.index_shard import ShardResult, index_shard
from pulse_cli.fleet.lease import Lease
from pulse_cli.fleet.messages import (
    INDEX,
    SCAN,
    JobResult,
    RunInfo,
    index_job_of,
    pieces_of,
)
from pulse_cli.fleet.scan import Scan, scan
from pulse_cli.wiring import Services, target_of

if TYPE_CHECKING:
    from pulse_cli.ports import Clock, Observer


@dataclass(slots=True)
class RunningJob:
    """A job that is being carried out. `stop` ends it; `stats` are None until it has any."""

    lease: Lease
    info: RunInfo
    job: Mapping[str, Any]
    stop: Stop
    stats: Stats | None = None

    def progress(self) -> bytes:
        """What the coordinator is told of it, as JSON."""
        stats = self.stats
        if stats is None:
            return b"{}"
        return to_json(
            {
                "bytes_read": stats.bytes_read,
                "documents_done": stats.documents_done,
                "chunks_embedded": stats.chunks_embedded,
                "tokens_embedded": stats.tokens_embedded,
                "stages": {name: asdict(stage) for name, stage in stats.stages.items()},
                "waiting_for": asdict(stats.waiting_for) if stats.waiting_for else None,
            }
        )


@dataclass(slots=True)
class _Watching:
    """Keeps the live figures of a run, and passes on what people should read."""

    running: RunningJob
    observer: Observer

    def on(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.running.stats = event.stats
        else:
            self.observer.on(event)


@dataclass(slots=True)
class JobRunner:
    """Over `services`, which stay open. `worker` is the name under which results are given."""

    services: Services
    worker: str
    clock: Clock
    observer: Observer
    _checked: set[str] = field(default_factory=set)

    async def carry_out(self, running: RunningJob) -> JobResult:
        """The result of the job, or the problem that it had. Never raises."""
        try:
            kind = running.job["kind"]
            if kind == SCAN:
                return JobResult(self.worker, scan=await self._scan(running))
            if kind == INDEX:
                return JobResult(self.worker, shard=await self._index(running))
            raise Fatal(f"there is no kind of job {kind!r}", kind=Kind.VERSION)
        except Fatal as error:
            return self._with(Problem(error.kind, f"{error}", error.hint))
        except PulseError as error:
            return self._with(Problem(Kind.FAILED, f"{error}", ""))
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1:]
            where = f" ({last[0].filename}:{last[0].lineno})" if last else ""
            message = f"{type(error).__name__}: {error}{where}"
            return self._with(Problem(Kind.BUG, message, "this is a bug of pulse: report it"))

    def _with(self, problem: Problem) -> JobResult:
        return JobResult(self.worker, problem=problem)

    async def _scan(self, running: RunningJob) -> Scan:
        info, job = running.info, running.job
        self._check_source(info)
        source = await self.services.open_pieces(info.sources, pieces_of(job), info.addresses)
        preparer = self.services.preparer_alone()
        return await asyncio.to_thread(scan, source, preparer, held=job["held"])

    async def _index(self, running: RunningJob) -> ShardResult:
        info, services = running.info, self.services
        self._check_source(info)
        embedder = await services.embedder()
        store = await services.store(embedder.dimension, create=False)
        preparer = await services.preparer()
        self._check(info, embedder.model, {**preparer.fingerprint})
        job = index_job_of(running.job)

        async def open_shard(_: object) -> ChosenDocuments:
            source = await services.open_pieces(info.sources, job.pieces, info.addresses)
            return ChosenDocuments(source, job.numbered, alone=job.alone)

        parts = RunDependencies(
            open_source=open_shard,
            preparer=preparer,
            embedder=embedder,
            store=fenced(store, running.lease),
            observer=_Watching(running, self.observer),
            clock=self.clock,
            stop=running.stop,
        )
        settings = services.settings
        target = target_of(settings, embedder.dimension)
        wanted = Job(info.sources, command="", force=info.force)
        options = run_options(settings, wanted, target, preparer)
        bulk = settings.qdrant.bulk
        await services.patiently(
            "the store", lambda: store.begin_load(bulk=bulk, run_id=info.run_id)
        )
        try:
            identity = RunIdentity(info.run_id, info.started)
            return await index_shard(parts, open_shard, identity, options)
        finally:
            with suppress(PulseError):  # a process that has ended holds no lock
                await store.release()

    def _check_source(self, info: RunInfo) -> None:
        """Raises Fatal where the records would be read otherwise than the run reads them."""
        if info.version != __version__:
            raise Fatal(
                f"worker {self.worker} is pulse {__version__}, the run is of pulse {info.version}",
                hint="install the same version everywhere, then run the same command again",
                kind=Kind.VERSION,
            )
        target = target_of(self.services.settings, 0)
        here = {
            **source_fingerprint(self.services.settings),
            "qdrant.url": target.store,
            "qdrant.collection": target.collection,
        }
        there = {
            **info.fingerprint,
            "qdrant.url": info.store,
            "qdrant.collection": info.collection,
        }
        self._compare(here, there)

    def _check(self, info: RunInfo, model: str, fingerprint: Mapping[str, Any]) -> None:
        """Raises Fatal where pages would be written otherwise than the run writes them."""
        self._compare({"embedder": model}, {"embedder": info.embedder})
        self._compare(fingerprint, info.fingerprint)

    def _compare(self, here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
        for name, value in here.items():
            if there.get(name) != value:
                raise Fatal(
                    f"worker {self.worker} has other settings than the run: {name} is {value!r},"
                    f" the run has {there.get(name)!r}",
                    hint="give the worker the settings of the run, then run the same command again",
                    kind=Kind.SETTINGS_CHANGED,
                )
