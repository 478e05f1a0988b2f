"""Begins a new run, or resumes an unfinished one where it stopped.

Guarantees: an incomplete run goes on only with the sources and settings it began with.
Otherwise it is refused, with what has changed. A complete run is never resumed. Nothing is
written to the store here.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pulse_cli.atomic_file import Syscalls
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.engine.progress.disk import MarkedFile
from pulse_cli.engine.progress.manifest import load_manifest, save_manifest
from pulse_cli.engine.progress.run_state import DeadLimit, RunState, restore
from pulse_cli.engine.progress.state_files import StateFiles
from pulse_cli.engine.prune import PruneOptions
from pulse_cli.engine.stop import Stop
from pulse_cli.errors import Fatal, Kind, SourceChanged
from pulse_cli.events import Counts, Message, NullObserver, Target
from pulse_cli.model import Input
from pulse_cli.ports import Clock, Embedder, Observer, Preparer, Source, Store

_UNCHANGING = (
    *("run_id", "started", "command", "retry_flags", "sources", "target", "manifest"),
    "fingerprint",
)

OpenSource = Callable[[Sequence[Input] | None], Awaitable[Source]]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`fingerprint` holds the settings that decide what is written or left out. `command` resumes
    this run; `retry_flags` follow `pulse index LETTERS` to retry its dead letters. `concurrency`
    fixes the embed requests in flight, None adapts them. `prune` says how pages are removed that
    the crawl no longer holds; None keeps them. With `report_documents` the observer is told of
    the outcome of each document. `part_of` is the run that this one is a part of: its id is
    written to the store. With `from_beginning` an unfinished run is resumed under its id, but reads
    everything again: what it has indexed is found in the store.
    """

    sources: tuple[str, ...]
    target: Target
    command: str
    retry_flags: str = ""
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    restart: bool = False
    limit: int | None = None
    on_changed_source: Literal["refuse", "restart", "restart-whole"] = "refuse"
    give_up_after: float = 600.0
    concurrency: int | None = None
    dead_limit: DeadLimit = field(default_factory=DeadLimit)
    threads: int = 2
    prune: PruneOptions | None = None
    report_documents: bool = False
    part_of: RunIdentity | None = None
    from_beginning: bool = False


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """The id of a run, and when it was begun (seconds since 1970)."""

    run_id: str
    started: float


@dataclass(frozen=True, slots=True)
class RunDependencies:
    """What a run works with. `open_source` gets the inputs of a resumed run, else None."""

    open_source: OpenSource
    preparer: Preparer
    embedder: Embedder
    store: Store
    observer: Observer
    clock: Clock
    stop: Stop
    rng: random.Random = field(default_factory=random.Random)
    syscalls: Syscalls = os


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run as it is when this process begins or resumes it.

    `state` is the part of the checkpoint that never changes, `earlier` are the counts so far.
    """

    run_id: str
    state: dict[str, Any]
    source: Source
    run_state: RunState
    resumed: bool
    earlier: Counts


async def may_restart(parts: RunDependencies, options: RunOptions, changed: SourceChanged) -> bool:
    """Whether to begin anew after a change of the sources. `restart-whole`: if all files are
    complete.
    """
    wish = options.on_changed_source
    if wish == "refuse":
        return False
    if wish == "restart-whole":
        source = await parts.open_source(None)
        if not all(_ends_whole(one) for one in source.inputs):
            return False
    parts.observer.on(Message("warning", f"{changed}: begins anew"))
    return True


def _ends_whole(one: Input) -> bool:
    """False for a JSON file that ends within a record: it is probably still being written."""
    if one.inode is None or not one.name.endswith((".jsonl", ".ndjson", ".json")):
        return True
    with Path(one.name).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        return file.read().rstrip().endswith((b"}", b"]"))


async def open_run(
    parts: RunDependencies,
    files: StateFiles,
    options: RunOptions,
    checkpoint: CheckpointFile,
    *,
    restart: bool,
) -> OpenRun:
    """Resume the unfinished run of these files, or begin a new one. Raises Fatal."""
    fingerprint = {**options.fingerprint, **parts.preparer.fingerprint}
    old = _last_run(checkpoint, restart=restart)
    files.remove_unneeded(old["run_id"] if old is not None else None)
    if old is not None and not restart and not old["complete"]:
        return await _resume(parts, files, options, old, fingerprint)
    return await _begin(parts, files, options, fingerprint)


def _last_run(checkpoint: CheckpointFile, *, restart: bool) -> dict[str, Any] | None:
    try:
        return checkpoint.load()
    except Fatal:
        if restart:
            return None
        raise


async def _begin(
    parts: RunDependencies,
    files: StateFiles,
    options: RunOptions,
    fingerprint: Mapping[str, Any],
) -> OpenRun:
    source = await parts.open_source(None)
    identity = options.part_of or new_identity(parts.clock.time(), parts.rng)
    run_id = identity.run_id
    manifest = files.manifest(run_id)
    sha256 = save_manifest(manifest, source.inputs, parts.syscalls)
    state = {
        "run_id": run_id,
        "started": identity.started,
        "command": options.command,
        "retry_flags": options.retry_flags,
        "sources": list(options.sources),
        "target": {"store": options.target.store, "collection": options.target.collection},
        "manifest": {"name": manifest.name, "sha256": sha256},
        "fingerprint": dict(fingerprint),
    }
    run_state = _run_state(parts, files, options, run_id, 0, 0)
    return OpenRun(run_id, state, source, run_state, resumed=False, earlier=Counts())


def new_identity(now: float, rng: random.Random) -> RunIdentity:
    """The identity of a run that begins at `now`."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    return RunIdentity(f"{stamp}-{uuid.UUID(int=rng.getrandbits(128)).hex[:6]}", now)


async def _resume(
    parts: RunDependencies,
    files: StateFiles,
    options: RunOptions,
    old: dict[str, Any],
    fingerprint: Mapping[str, Any],
) -> OpenRun:
    _refuse_changed_settings(files, old["fingerprint"], fingerprint)
    run_id = old["run_id"]
    inputs = load_manifest(files.manifest(run_id), old["manifest"]["sha256"])
    source = await parts.open_source(inputs)
    if options.from_beginning:
        run_state = _run_state(parts, files, options, run_id, 0, 0)
        same = {key: old[key] for key in _UNCHANGING}
        return OpenRun(run_id, same, source, run_state, resumed=True, earlier=Counts())
    position, counts, dead_mark, seen_mark = restore(old)
    run_state = _run_state(parts, files, options, run_id, dead_mark, seen_mark)
    run_state.position, run_state.counts, run_state.partial = position, counts, old["partial"]
    run_state.examples = old["examples"]
    same = {key: old[key] for key in _UNCHANGING}
    return OpenRun(run_id, same, source, run_state, resumed=True, earlier=deepcopy(counts))


def _run_state(
    parts: RunDependencies,
    files: StateFiles,
    options: RunOptions,
    run_id: str,
    dead_mark: int,
    seen_mark: int,
) -> RunState:
    calls = parts.syscalls
    return RunState(
        dead_letters=MarkedFile(files.dead_letters(run_id), dead_mark, syscalls=calls),
        seen=MarkedFile(files.seen(run_id), seen_mark, syscalls=calls),
        dead_limit=options.dead_limit,
        observer=parts.observer if options.report_documents else NullObserver(),
    )


def _refuse_changed_settings(
    files: StateFiles, before: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    changed = [
        f"{name} was {before.get(name)!r}, is {now.get(name)!r}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if changed:
        raise Fatal(
            f"an unfinished run ({files.checkpoint}) was begun with other settings: "
            + "; ".join(changed),
            hint="restore the setting to go on with it, or start anew with --restart",
            kind=Kind.SETTINGS_CHANGED,
        )
