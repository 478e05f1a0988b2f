"""One `pulse index` from settings to summary: locks, services, engine.

The command line and the benchmark both index through here, so the benchmark measures what
users run. A run that cannot begin gives a summary, too: there is one for every exit code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pulse_cli.app.aliases import give_alias
from pulse_cli.app.nothing import nothing_to_index, refuse_nothing
from pulse_cli.app.run_options import prune_options, run_options
from pulse_cli.app.same_model import check_same_model
from pulse_cli.app.sources import absolute_sources
from pulse_cli.app.turns import turn_wait
from pulse_cli.engine import (
    CrawledPages,
    DryRun,
    RunDependencies,
    RunOptions,
    StateFiles,
    Stop,
    SystemClock,
    dry_run,
    hold_locks,
    index,
    look_at_stale,
    run_log,
    state_files,
)
from pulse_cli.engine.summary import peak_rss_bytes
from pulse_cli.errors import Fatal, Kind, Locked, PulseError, Unavailable
from pulse_cli.events import Ended, Message, Problem, Summary, Target
from pulse_cli.ports import Clock, Observer, Store
from pulse_cli.wiring import Services, cores, target_name, target_of
from pulse_cli.wiring.disk_space import disk_space_warning

if TYPE_CHECKING:
    from pulse_cli.config import Settings


CarryOut: TypeAlias = Callable[
    [Services, RunDependencies, StateFiles, RunOptions], Awaitable[Summary]
]
"""Runs what was opened, to its summary. The locks of the files are held."""

SLOW_GRAPH_CHUNKS = 20_000  # from here on building the graph takes long enough for a message


@dataclass(frozen=True, slots=True)
class Job:
    """What one start is asked to do, settings apart. Sources become absolute.

    `addresses` are those of objects with their secrets, by their names in `sources`.
    `command` is what goes on with the run, `retry_flags` are the flags with which the dead letters
    are indexed into the same index. Both work from any folder. `prune` removes what the complete
    crawl no longer holds, below `scope` if it is given; `yes` also if that is more than
    run.max_prune. `unattended`: nobody sits at a terminal who could decide. With `any_dead` the
    run goes on however many records are dead. `alias` then means the index that was written, once
    the run is complete.
    """

    sources: tuple[str, ...]
    command: str
    retry_flags: str = ""
    restart: bool = False
    force: bool = False
    limit: int | None = None
    prune: bool = False
    scope: str = ""
    yes: bool = False
    unattended: bool = False
    alias: str = ""
    report_documents: bool = False
    any_dead: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", absolute_sources(self.sources))

    def check(self) -> None:
        """Raises Fatal where the wishes contradict each other."""
        if self.prune and self.limit is not None:
            raise _usage("--prune needs the whole crawl", "leave out --limit")
        if self.prune and any(name.endswith(".dead.jsonl") for name in self.sources):
            raise _usage("dead letters are not a whole crawl", "leave out --prune")
        if not self.prune and (self.scope or self.yes):
            raise _usage("--scope and --yes say how to prune", "add --prune, or leave them out")


async def index_sources(
    settings: Settings,
    job: Job,
    observer: Observer,
    stop: Stop,
    clock: Clock | None = None,
    services: Services | None = None,
    carry_out: CarryOut | None = None,
) -> Summary:
    """Index, and say how it went, also in the log of runs. Raises only what is a defect.

    `services` take the place of those that the settings alone would give; they are closed.
    `carry_out`: see `index_with`.
    """
    clock = clock or SystemClock()
    started = clock.time()
    services = services or Services(settings, observer, clock)
    async with services:
        summary = await index_with(services, job, observer, stop, clock, carry_out=carry_out)
    summary = refuse_nothing(summary)
    tell_end(settings, summary, observer, started, clock)
    return summary


def tell_end(
    settings: Settings, summary: Summary, observer: Observer, started: float, clock: Clock
) -> None:
    """Write how a run ended into the log of runs, and tell the observer."""
    try:
        run_log.append(settings.state_folder, run_log.record_of(summary, started, clock.time()))
    except Fatal as error:
        observer.on(Message("warning", f"the log of runs: {error}"))
    observer.on(Ended(summary))


async def index_with(
    services: Services,
    job: Job,
    observer: Observer,
    stop: Stop,
    clock: Clock,
    state_folder: Path | None = None,
    carry_out: CarryOut | None = None,
) -> Summary:
    """Index with services that are open and stay so. `state_folder` instead of the settings' own.

    `carry_out` runs what was opened, by default in this process. A run that cannot begin gives a
    summary, too. Raises only what is a defect.
    """
    settings = services.settings
    carry_out = carry_out or run_in_this_process
    began = clock.monotonic()
    target = target_of(settings, 0)
    folder = state_folder or settings.state_folder
    files = state_files(folder, job.sources, target_name(settings))
    try:
        job.check()
        wait = settings.run.wait_lock if state_folder else turn_wait(settings, observer)
        async with hold_locks(files, settings.state_folder, wait, clock):
            parts = await _parts(services, job, observer, stop, clock)
            target = target_of(settings, parts.embedder.dimension)
            options = run_options(settings, job, target, parts.preparer)
            store = parts.store
            try:
                summary = await carry_out(services, parts, files, options)
                if summary.status == "complete":
                    return await _finished(services, store, summary, observer, job.alias)
                return summary
            finally:
                with suppress(PulseError):  # a process that has ended holds no lock
                    await store.release()
    except Fatal as error:
        return not_begun(job, target, error, clock.monotonic() - began)


async def run_in_this_process(
    services: Services, parts: RunDependencies, files: StateFiles, options: RunOptions
) -> Summary:
    """The run of one process. Raises Fatal where it could not begin."""
    bulk = services.settings.qdrant.bulk
    await services.patiently("the store", lambda: parts.store.begin_load(bulk=bulk))
    return await index(parts, files, options)


async def _finished(
    services: Services, store: Store, summary: Summary, observer: Observer, alias: str
) -> Summary:
    """What is made from a whole index; that it failed is said, though the index is whole."""
    try:
        if summary.counts.chunks >= SLOW_GRAPH_CHUNKS:
            observer.on(Message("info", "all is stored; the search graph is being built"))
        await services.patiently("the store", store.end_load, services.settings.run.give_up_after)
        if services.settings.bm25.engine == "rank-bm25":
            await services.rebuild_bm25(store)
        if alias:
            await give_alias(services.settings, alias)
    except Fatal as error:
        problem = Problem(error.kind, str(error), error.hint)
        return replace(summary, error=problem)
    return summary


async def look_at_sources(
    settings: Settings, job: Job, observer: Observer, stop: Stop, clock: Clock | None = None
) -> DryRun:
    """The dry run of `job`, which reads the store if it is to prune. Raises Fatal."""
    job.check()
    clock = clock or SystemClock()
    async with Services(settings, observer, clock) as services:
        preparer = services.preparer_alone()
        prune = prune_options(settings, job, preparer)
        held = CrawledPages() if prune else None
        # The store first: that there is no index should not cost reading a crawl.
        store = await services.store(0, create=False) if prune else None
        found = await dry_run(
            await services.open_source(job.sources, None, job.addresses),
            preparer,
            observer=observer,
            clock=clock,
            stop=stop,
            threads=cores(),
            limit=job.limit,
            held=held,
        )
        if found.complete:
            found.refusal = nothing_to_index(found.counts, found.notes)
        if prune and held and store:
            await look_at_stale(found, held, store, prune, stop, clock)
        return found


async def _parts(
    services: Services, job: Job, observer: Observer, stop: Stop, clock: Clock
) -> RunDependencies:
    """The sources are opened first: a file that is not there should cost no model loading."""
    source = await services.open_source(job.sources, None, job.addresses)
    await services.check(source)
    if short := disk_space_warning(services.settings, source.inputs):
        observer.on(Message("warning", short))
    embedder = await services.embedder()
    store = await services.store(embedder.dimension)
    await services.patiently("the store", lambda: check_same_model(store, embedder.model))
    return RunDependencies(
        open_source=partial(services.open_source, job.sources, addresses=job.addresses),
        preparer=await services.preparer(),
        embedder=embedder,
        store=store,
        observer=observer,
        clock=clock,
        stop=stop,
    )


def _usage(message: str, hint: str) -> Fatal:
    return Fatal(message, hint=hint, kind=Kind.USAGE)


def not_begun(job: Job, target: Target, error: Fatal, seconds: float) -> Summary:
    """The summary of a run that could not begin."""
    passes = isinstance(error, Unavailable | Locked)
    return Summary(
        run_id="",
        status="failed",
        sources=job.sources,
        target=target,
        seconds=seconds,
        peak_rss_bytes=peak_rss_bytes(),
        resume=job.command if passes else None,
        error=Problem(error.kind, str(error), error.hint),
    )
