"""`pulse index` by workers: opens the run, and starts the processes that it needs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from pulse_cli import __version__
from pulse_cli.engine import RunDependencies, RunOptions, StateFiles
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.engine.resume import OpenRun, may_restart, open_run
from pulse_cli.errors import Fatal, Kind, SourceChanged
from pulse_cli.events import Summary
from pulse_cli.fleet.board import JobBoard, target_digest
from pulse_cli.fleet.connection import address_of, connect
from pulse_cli.fleet.coordinator import Coordinator
from pulse_cli.fleet.local_workers import LocalWorkers
from pulse_cli.fleet.messages import RunInfo
from pulse_cli.fleet.own_valkey import OwnValkey
from pulse_cli.model import Input
from pulse_cli.read.pieces import SHARD_BYTES, cut_into_shards
from pulse_cli.wiring import Services
from pulse_cli.wiring.adapters import read_options

SHARDS_PER_WORKER = 4
LEAST_SHARD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """`workers` are started on this machine; with a queue there may be more elsewhere.

    `addresses`: see `app.index.Job`.
    """

    workers: int = 0
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)


async def index_by_workers(
    fleet: FleetOptions,
    services: Services,
    parts: RunDependencies,
    files: StateFiles,
    options: RunOptions,
) -> Summary:
    """`app.index.CarryOut` by workers. Raises Fatal where the run could not begin."""
    address = address_of(services.settings)
    if address is not None and fleet.addresses:
        raise Fatal(
            "the address of a source holds a secret, which the queue must not learn",
            hint="give the workers credentials by their environment, or leave out --queue",
            kind=Kind.USAGE,
        )
    with ExitStack() as stack:
        if address is None:
            address = (await asyncio.to_thread(stack.enter_context, OwnValkey())).address
        workers = None
        if fleet.workers:
            name = f"local-{files.target_hash}"
            workers = LocalWorkers(services.settings, address, fleet.workers, name)
            stack.callback(workers.close)
            await asyncio.to_thread(workers.start)
        run = partial(_run, fleet, services, parts, files, address, workers)
        try:
            try:
                return await run(options)
            except SourceChanged as changed:
                if not await may_restart(parts, options, changed):
                    raise
                return await run(replace(options, restart=True))
        finally:
            await asyncio.to_thread(stack.close)


async def _run(
    fleet: FleetOptions,
    services: Services,
    parts: RunDependencies,
    files: StateFiles,
    address: str,
    workers: LocalWorkers | None,
    options: RunOptions,
) -> Summary:
    settings = services.settings
    checkpoint = CheckpointFile(files.checkpoint, syscalls=parts.syscalls)
    anew = replace(options, from_beginning=True)
    opened = await open_run(parts, files, anew, checkpoint, restart=options.restart)
    try:
        target = options.target
        board = JobBoard(
            connect(address),
            priority=settings.queue.priority,
            target=target_digest(target.store, target.collection),
            run_id=opened.run_id,
            info=_info(fleet, parts, options, opened).to_json(),
            seconds=settings.fleet.lost_after,
            now=parts.clock.monotonic,
        )
        inputs = opened.source.inputs
        size = settings.fleet.shard or _shard_bytes(inputs, fleet.workers)
        reading = read_options(settings, addresses=fleet.addresses)
        coordinator = Coordinator(
            services=services,
            parts=parts,
            files=files,
            options=options,
            opened=opened,
            checkpoint=checkpoint,
            board=board,
            cut=partial(cut_into_shards, inputs, size, reading),
            workers=workers,
        )
        return await coordinator.to_the_end()
    finally:
        opened.run_state.close()


def _info(
    fleet: FleetOptions, parts: RunDependencies, options: RunOptions, opened: OpenRun
) -> RunInfo:
    return RunInfo(
        version=__version__,
        run_id=opened.run_id,
        started=opened.state["started"],
        sources=options.sources,
        store=options.target.store,
        collection=options.target.collection,
        embedder=parts.embedder.model,
        fingerprint={**options.fingerprint, **parts.preparer.fingerprint},
        force=options.force,
        addresses=fleet.addresses,
    )


def _shard_bytes(inputs: Sequence[Input], workers: int) -> int:
    """Small enough for each of the workers of this machine to get several shards."""
    total = sum(one.size or 0 for one in inputs)
    wanted = math.ceil(total / (SHARDS_PER_WORKER * max(1, workers)))
    return max(LEAST_SHARD_BYTES, min(SHARD_BYTES, wanted))
