"""Removes what the state folder keeps of runs: checkpoints, dead letters, lines of the log.

A run in progress is never touched: its lock is taken before its files are removed. Lock files
stay, because a process may be waiting for one. Nothing outside the state folder changes. The
index keeps its pages, and a forgotten run begins anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulse_cli.engine.progress import run_log
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.engine.progress.disk import disk_errors
from pulse_cli.engine.progress.state_files import (
    CHECKPOINT_SUFFIX,
    checkpoints,
    files_of_stem,
    hold_now,
)
from pulse_cli.errors import Fatal

Matches = Callable[[Sequence[str]], bool]
"""Whether a run over these sources is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the state folder keeps of one list of sources and target; `files` can be removed."""

    stem: str
    sources: tuple[str, ...]
    unfinished: bool
    files: tuple[Path, ...]

    @property
    def dead_letters(self) -> int:
        return sum(path.name.endswith(".dead.jsonl") for path in self.files)


def remembered(folder: Path, before: float, matches: Matches) -> Iterator[Remembered]:
    """What is kept of matching runs that were last saved before `before` (seconds since 1970).

    Of a run saved later, the dead letters that are older than that. Raises OSError.
    """
    for path in checkpoints(folder):
        stem = path.name.removesuffix(CHECKPOINT_SUFFIX)
        sources, unfinished, saved = _about(path)
        if not matches(sources):
            continue
        files = files_of_stem(folder, stem)
        if saved >= before:
            files = [one for one in files if _is_old_letter(one, before)]
            unfinished = False
        if files:
            yield Remembered(stem, sources, unfinished, tuple(files))


def forget(folder: Path, one: Remembered) -> bool:
    """Remove its files; False where that run is in progress. Raises Fatal."""
    with ExitStack() as held:
        if not hold_now(folder / f"{one.stem}.lock", held):
            return False
        for path in one.files:
            with disk_errors(path):
                path.unlink(missing_ok=True)
    return True


def forget_starts(folder: Path, before: float, matches: Matches, *, really: bool) -> int:
    """Remove starts that ended before `before` from the log. Returns their number. Raises Fatal."""

    def is_meant(record: dict[str, Any]) -> bool:
        return bool(record["ended"] < before and matches(record["sources"]))

    return run_log.remove(folder, is_meant, really=really)


def _about(path: Path) -> tuple[tuple[str, ...], bool, float]:
    """Sources, whether unfinished, and when last saved, of the run of a checkpoint."""
    try:
        state = CheckpointFile(path).load()
    except Fatal:
        state = None
    if state is None:
        return (), False, path.stat().st_mtime
    return tuple(state["sources"]), not state["complete"], float(state["saved_at"])


def _is_old_letter(path: Path, before: float) -> bool:
    return path.name.endswith(".dead.jsonl") and os.stat(path).st_mtime < before  # noqa: PTH116
