"""Removes what the state folder keeps of runs: checkpoints, dead letters, lines of the log.

Never of a run that is going on: its lock is held while its files are removed. Lock files stay,
for a process may be waiting for one. Nothing outside the state folder is touched, and nothing in
the index: pages stay searchable, and a run that was forgotten begins anew.
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
"""Whether a run over these sources is meant."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one list of sources and target. `files` are those to be removed."""

    stem: str
    sources: tuple[str, ...]
    unfinished: bool
    files: tuple[Path, ...]

    @property
    def dead_letters(self) -> int:
        return sum(path.name.endswith(".dead.jsonl") for path in self.files)


def remembered(folder: Path, before: float, matches: Matches) -> Iterator[Remembered]:
    """What is kept of runs that are meant and were last saved before `before` (seconds, Unix).

    Of a younger run, the dead letters of its earlier starts that are older. Raises OSError.
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
    """Remove its files; False where that run is going on. Raises Fatal."""
    with ExitStack() as held:
        if not hold_now(folder / f"{one.stem}.lock", held):
            return False
        for path in one.files:
            with disk_errors(path):
                path.unlink(missing_ok=True)
    return True


def forget_starts(folder: Path, before: float, matches: Matches, *, really: bool) -> int:
    """Take starts that ended before `before` out of the log; how many those are. Raises Fatal."""

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
