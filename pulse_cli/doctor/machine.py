"""Checks of this machine: state folder, unfinished runs, free space on the disks, clock."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_cli.doctor.finding import Finding, error, ok, warning
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.engine.progress.state_files import CHECKPOINT_SUFFIX, checkpoints, is_locked
from pulse_cli.errors import Fatal
from pulse_cli.store.disk_space import MIN_FREE_BYTES, existing, free_bytes
from pulse_cli.wiring import edge_folder, is_server

if TYPE_CHECKING:
    from pulse_cli.config import Settings

STATE_BYTES, STATE_WARN_BYTES = 1 << 20, 64 << 20
EDGE_WARN_BYTES = 2 << 30
EARLIEST = 1_735_689_600.0  # 2025-01-01: an earlier clock was never set
TOLERATED_S = 120.0


def machine(settings: Settings, now: float) -> Iterator[Finding]:
    """All checks of this machine. `now` is its clock, in seconds since 1970."""
    yield state_folder(settings)
    yield from disk_space(settings)
    yield from files_to_write(settings)
    yield from runs(settings, now)
    if now < EARLIEST:
        yield error("clock", "the clock of this machine was never set", "timedatectl set-ntp true")


def state_folder(settings: Settings) -> Finding:
    folder = settings.state_folder
    place = existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as problem:
        message = f"{folder} cannot be written: {problem.strerror}"
        return error("state folder", message, "fix its permissions, or name another: --state-dir")
    if place != folder:
        return ok("state folder", f"{folder} will be created by the first run")
    if folder.stat().st_mode & 0o077:
        message = f"other users can read {folder}, where dead letters hold pages"
        return warning("state folder", message, f"chmod 700 {folder}")
    return ok("state folder", str(folder))


def disk_space(settings: Settings) -> Iterator[Finding]:
    yield _free("state disk", settings.state_folder, STATE_BYTES, STATE_WARN_BYTES)
    if not is_server(settings.qdrant.url):
        yield _free("index disk", edge_folder(settings), MIN_FREE_BYTES, EDGE_WARN_BYTES)


def _free(check: str, folder: Path, least: int, enough: int) -> Finding:
    try:
        free = free_bytes(folder)
    except OSError as problem:
        return error(check, f"{folder}: {problem.strerror}", "check the disk")
    message = f"{free >> 20:,} MiB free for {folder}"
    if free < least:
        return error(check, f"{message}; pulse stops below {least >> 20:,} MiB", "make room")
    if free < enough:
        return warning(check, message, "make room, or name a folder on another disk")
    return ok(check, message)


def files_to_write(settings: Settings) -> Iterator[Finding]:
    """Log and metrics file, if they are set."""
    for check, path in (("log file", settings.log.file), ("metrics", settings.run.metrics_file)):
        if path is None:
            continue
        usable = os.access(path.parent, os.W_OK | os.X_OK)
        if usable and (check == "metrics" or not path.exists() or os.access(path, os.W_OK)):
            yield ok(check, str(path))
        else:
            yield error(check, f"{path} cannot be written", f"make {path.parent} writable")


def runs(settings: Settings, now: float) -> Iterator[Finding]:
    """Unfinished runs, and checkpoints that cannot be read or have a time in the future."""
    folder = settings.state_folder
    unfinished = 0
    for path in checkpoints(folder) if folder.is_dir() else []:
        try:
            state = CheckpointFile(path).load()
        except (Fatal, OSError) as problem:
            mend = problem.hint if isinstance(problem, Fatal) else "fix its permissions"
            yield error("checkpoint", str(problem), mend)
            continue
        if state is None:
            continue
        if state["saved_at"] > now + TOLERATED_S:
            late = f"{path.name} was saved {state['saved_at'] - now:,.0f} s in the future"
            yield warning("clock", f"the clock went back: {late}", "timedatectl set-ntp true")
        if state["complete"]:
            continue
        unfinished += 1
        if is_locked(path.with_name(path.name.removesuffix(CHECKPOINT_SUFFIX) + ".lock")):
            yield ok("checkpoint", f"{path.name}: a run is in progress")
        else:
            yield warning("checkpoint", f"{path.name}: its run did not end", state["command"])
    if not unfinished:
        yield ok("checkpoints", "no run waits to be finished")
