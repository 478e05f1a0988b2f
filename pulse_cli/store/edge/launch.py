"""Starting the owner of a collection, and what is known of one that ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pulse_cli
from pulse_cli.store.edge.folder import CollectionFolder

_LAST_WORDS = 500

_REMEMBERED = 16

_started: dict[int, subprocess.Popen[bytes]] = {}  # by this process; they may outlive it


def start_owner(folder: CollectionFolder, lock: int) -> int:
    """Start it with the lock that this process took; its process id.

    The caller closes its own descriptor of the lock. The owner inherits nothing else of this
    process: no terminal, no pipe, no secret. Raises OSError.
    """
    ended = [pid for pid, process in _started.items() if process.poll() is not None]
    for pid in ended[:-_REMEMBERED]:
        del _started[pid]
    with os.fdopen(_log(folder), "wb") as log:
        command = [sys.executable, "-P", "-m", "pulse_cli.store.edge.owner"]
        process = subprocess.Popen(  # noqa: S603 - our own module, and no shell
            [*command, str(folder.path), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            env=environment(),
            start_new_session=True,
        )
    _started[process.pid] = process
    return process.pid


def was_started_here(owner: int) -> bool:
    """Whether this process started it, and so will know its status."""
    return owner in _started


def status_of(owner: int) -> int | None:
    """How it ended, as `Popen.returncode`; None if that is not known, or not yet."""
    process = _started.get(owner)
    return process.poll() if process is not None else None


def _log(folder: CollectionFolder) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(folder.log, flags, 0o600)
    except OSError:  # a full disk, say: what it prints is not worth failing
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def environment() -> dict[str, str]:
    """What it needs to find Python and this package; no secret of ours among it."""
    root = str(Path(pulse_cli.__file__).resolve().parent.parent)
    kept = {
        name: os.environ[name]
        for name in ("PYTHONHOME", "LD_LIBRARY_PATH", "TMPDIR")
        if name in os.environ
    }
    search = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(search)}


def last_words(folder: CollectionFolder, code: int | None) -> str:
    """How an owner ended and the end of what it printed; `code` as of `status_of`."""
    how = "it ended"
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            how = f"it was ended by {signal.Signals(-code).name}"
    elif code:
        how = f"it ended with status {code}"
    with contextlib.suppress(OSError):
        said = folder.log.read_bytes()[-_LAST_WORDS:].decode(errors="replace").strip()
        how += f": {said}" if said else ""
    return how
