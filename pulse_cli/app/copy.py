"""One `pulse copy`: opens both collections, locks the target, copies, and verifies the copy."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.app.turns import turn_wait
from pulse_cli.engine import Stop, SystemClock, hold_target_lock
from pulse_cli.engine.copy import CopyParts, CopyState, copy_points, verify
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Filter
from pulse_cli.ports import Observer, Store
from pulse_cli.search.filters import parse_filters
from pulse_cli.wiring import Services, places, target_name

if TYPE_CHECKING:
    from pulse_cli.config import Settings


@dataclass(frozen=True, slots=True)
class CopyJob:
    """What is copied where. `filters` are those of `pulse search`, and hold for whole pages."""

    source: str
    target: str
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copied:
    """`points` are in the copy, `before` of them from earlier starts; `compared` were compared.

    A copy that is not `complete` was stopped by the signal `stopped_by`; the same command goes on.
    """

    points: int
    before: int
    compared: int
    seconds: float
    complete: bool
    stopped_by: str


async def copy(
    settings: Settings,
    job: CopyJob,
    observer: Observer,
    stop: Stop,
    on_progress: Callable[[int, int], None],
) -> Copied:
    """Begin or continue a copy. `on_progress` gets points done and their total. Raises Fatal."""
    origin, goal = places.at(settings, job.source), places.at(settings, job.target)
    where = parse_filters(job.filters)
    if target_name(origin) == target_name(goal):
        raise Fatal("source and target are one collection", kind=Kind.USAGE)
    clock = SystemClock()
    began = clock.monotonic()
    wait = turn_wait(settings, observer)
    lock = hold_target_lock(settings.state_folder, target_name(goal), wait, clock)
    patience = settings.run.give_up_after
    async with (
        lock,
        Services(origin, observer, clock) as reading,
        Services(goal, observer, clock, patience=patience) as writing,
    ):
        source = await reading.store(0, create=False)
        names = [target_name(origin), target_name(goal), *job.filters]
        file = _state_file(settings.state_folder, names)
        saved = CheckpointFile(file).load()
        target = await writing.store(source.dimension)
        state = await _begin(target, saved, job)
        total, before = await source.count(where), state.copied
        parts = CopyParts(
            source=source,
            target=target,
            where=where,
            checkpoint=CheckpointFile(file),
            patiently=writing.patiently,
            clock=clock,
            stop=stop,
            rng=random.Random(),
            on_progress=lambda done: on_progress(done, total),
        )
        compared = await _carry_out(parts, state, settings)
    if compared is not None:
        for path in (file, Path(f"{file}.prev")):
            path.unlink(missing_ok=True)
    seconds = clock.monotonic() - began
    done = compared is not None
    return Copied(state.copied, before, compared or 0, seconds, done, stop.stopped_by)


async def _begin(target: Store, saved: dict[str, Any] | None, job: CopyJob) -> CopyState:
    """The state to begin with. Raises Fatal where the target holds points of something else."""
    held = await target.count(Filter())
    if saved is not None and held >= saved["copied"]:
        return CopyState(saved["copied"], saved["phase"], saved["after"])
    if held:
        raise Fatal(
            f"{job.target} holds {held:,} points already; a copy begins with an empty collection",
            hint=f"name another one, or remove it first: pulse drop {job.target}",
            kind=Kind.COLLECTION,
        )
    return CopyState()


async def _carry_out(parts: CopyParts, state: CopyState, settings: Settings) -> int | None:
    """Copy. Returns how many points were compared at the end; None if it was stopped before."""
    target, patiently = parts.target, parts.patiently
    await patiently("the store", lambda: target.begin_load(bulk=settings.qdrant.bulk))
    try:
        parts.checkpoint.save({"copied": state.copied, "phase": state.phase, "after": state.after})
        await copy_points(parts, state)
        if parts.stop.requested:
            return None
        compared = await verify(parts)
        await patiently("the store", target.end_load)
        return compared
    finally:
        await target.release()


def _state_file(folder: Path, words: list[str]) -> Path:
    digest = hashlib.sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()
    return folder / f"copy-{digest[:12]}.copy.json"
