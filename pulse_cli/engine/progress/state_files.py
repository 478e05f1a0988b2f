"""Names of the files a run keeps in the state folder, and their locks.

One stem per (ordered list of sources, target), so the same command finds its own state
again and two different commands never share one. Names are made of a sanitised source name and
a hash: nothing in the input chooses a path. Folders are 0700, files 0600.

A run holds two locks: one for its checkpoint, one for its target. A process that waits for a
target holds the lock of the next turn meanwhile, so that a process which indexes again and again
(the service) cannot overtake it. The locks are the kernel's (flock), so a killed run leaves none
behind.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pulse_cli.engine.progress.disk import disk_errors
from pulse_cli.errors import Fatal, Kind, Locked
from pulse_cli.ports import Clock

CHECKPOINT_SUFFIX = ".ckpt.json"
LOCK_POLL_SECONDS = 0.25
ANOTHER_WRITES = "another run is writing to this target"
ANOTHER_WAITS = "another run is waiting to write to this target"
_ANY_RUN = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "-" + "[0-9a-f]" * 6


@dataclass(frozen=True, slots=True)
class StateFiles:
    """The files of one (sources, target) in `folder`."""

    folder: Path
    stem: str
    target_hash: str

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.stem}{CHECKPOINT_SUFFIX}"

    def manifest(self, run_id: str) -> Path:
        return self.folder / f"{self.stem}-{run_id}.manifest.json"

    def dead_letters(self, run_id: str) -> Path:
        return self.folder / f"{self.stem}-{run_id}.dead.jsonl"

    def seen(self, run_id: str) -> Path:
        return self.folder / f"{self.stem}-{run_id}.seen"

    def shards(self, run_id: str) -> Path:
        """The folder of what the fleet keeps of a run."""
        return self.folder / f"{self.stem}-{run_id}.shards"

    def remove_unneeded(self, run_id: str | None) -> None:
        """Remove what only unfinished runs need, except that of `run_id`.

        Dead letters stay: they are for people. Files that a crash left half-written are removed.
        """
        for half in (f"{self.checkpoint.name}.*.new", f"{self.stem}-{_ANY_RUN}.*.new"):
            for path in self.folder.glob(f".{half}"):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        for kind in ("manifest.json", "seen"):
            # whole run ids only: a run that retries these dead letters has this stem in its own
            for path in self.folder.glob(f"{self.stem}-{_ANY_RUN}.{kind}"):
                if run_id is None or not path.name.startswith(f"{self.stem}-{run_id}."):
                    with suppress(OSError):
                        path.unlink(missing_ok=True)
        for path in self.folder.glob(f"{self.stem}-{_ANY_RUN}.shards"):
            if run_id is None or path != self.shards(run_id):
                shutil.rmtree(path, ignore_errors=True)


def state_files(folder: Path, sources: Sequence[str], target: str) -> StateFiles:
    """Names for these sources (absolute, in this order) written to this target."""
    digest = hashlib.sha256("\0".join([*sources, target]).encode("utf-8", "surrogateescape"))
    name = "stdin" if sources[0] == "-" else Path(sources[0]).name
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:40] or "source"
    return StateFiles(folder, f"{name}-{digest.hexdigest()[:12]}", _digest(target))


def _digest(target: str) -> str:
    return hashlib.sha256(target.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def make_folder(folder: Path) -> None:
    """Create the state folder, 0700. Raises Fatal."""
    with disk_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@asynccontextmanager
async def hold_locks(
    files: StateFiles, targets: Path, wait: float, clock: Clock
) -> AsyncIterator[None]:
    """Hold both locks. Waits up to `wait` seconds for another run to end; 0 does not wait.

    `targets` is the folder with the locks of targets. Raises Locked, which names the lock.
    """
    make_folder(files.folder)
    until = clock.monotonic() + wait
    with ExitStack() as held:
        mine = files.folder / f"{files.stem}.lock"
        await _take(mine, "these sources are being indexed by another run", until, clock, held)
        await _take_target(targets, files.target_hash, until, clock, held)
        yield


@asynccontextmanager
async def hold_target_lock(
    folder: Path, target: str, wait: float, clock: Clock
) -> AsyncIterator[None]:
    """As `hold_locks`, with the lock of the target alone: for changes that are no run."""
    with ExitStack() as held:
        await _take_target(folder, _digest(target), clock.monotonic() + wait, clock, held)
        yield


async def _take_target(
    folder: Path, target_hash: str, until: float, clock: Clock, held: ExitStack
) -> None:
    """Take the lock of a target, in turn."""
    make_folder(folder)
    with ExitStack() as turn:
        following = folder / f"target-{target_hash}.next.lock"
        await _take(following, ANOTHER_WAITS, until, clock, turn)
        await _take(folder / f"target-{target_hash}.lock", ANOTHER_WRITES, until, clock, held)


async def _take(path: Path, what: str, until: float, clock: Clock, held: ExitStack) -> None:
    """Take one lock, until `until` at the latest. Raises Locked."""
    while not _try_lock(path, held):
        if clock.monotonic() >= until:
            raise Locked(
                f"{what} ({path} is locked)",
                hint="wait for it to end, or use --wait-lock SECONDS",
            )
        await clock.sleep(LOCK_POLL_SECONDS)


def _try_lock(path: Path, held: ExitStack) -> bool:
    try:
        held.enter_context(FileLock(path, mode=0o600).acquire(timeout=0))
    except Timeout:
        return False
    except OSError as error:
        raise Fatal(
            f"cannot lock {path}: {error.strerror}",
            hint="check the permissions of the state folder, or use --state-dir",
            kind=Kind.DISK,
        ) from error
    return True


def is_locked(path: Path) -> bool:
    """Whether some run holds the lock at `path` now."""
    if not path.exists():
        return False
    try:
        with FileLock(path, mode=0o600).acquire(timeout=0):
            return False
    except Timeout:
        return True


def checkpoints(folder: Path) -> list[Path]:
    """All checkpoints in a state folder, the latest saved first."""
    found = folder.glob(f"*{CHECKPOINT_SUFFIX}")
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def files_of_stem(folder: Path, stem: str) -> list[Path]:
    """All files kept for one list of sources and target, except its lock."""
    found = [folder / f"{stem}{CHECKPOINT_SUFFIX}", folder / f"{stem}{CHECKPOINT_SUFFIX}.prev"]
    for kind in ("manifest.json", "seen", "dead.jsonl"):
        found += sorted(folder.glob(f"{stem}-{_ANY_RUN}.{kind}"))
    found += sorted(folder.glob(f"{stem}-{_ANY_RUN}.shards/*"))
    return [path for path in found if path.exists()]


def hold_now(path: Path, held: ExitStack) -> bool:
    """Take the lock at `path` if it is free, until `held` ends. Raises Fatal."""
    return _try_lock(path, held)
