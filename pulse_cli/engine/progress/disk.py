"""Appends to files of the state folder, safe against a crash, and translates disk errors.

Files that are replaced as a whole are written by `atomic_file`. A full disk is `Unavailable`:
nothing is lost, and the same command goes on once there is room.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pulse_cli.atomic_file import Syscalls, sync_path, write_all
from pulse_cli.engine.fault_points import fault_point
from pulse_cli.errors import Fatal, Kind, Unavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def disk_errors(path: Path, doing: str = "write") -> Iterator[None]:
    """Translate OSError on `path` into Fatal."""
    try:
        yield
    except OSError as error:
        message = f"cannot {doing} {path}: {error.strerror or error}"
        if error.errno in _FULL:
            raise Unavailable(
                message,
                hint="make room on the disk and run the same command again: it goes on where it"
                " stopped",
                kind=Kind.DISK_FULL,
            ) from error
        raise Fatal(
            message,
            hint="check the state folder and its permissions, or name another with --state-dir",
            kind=Kind.DISK,
        ) from error


class MarkedFile:
    """An append-only file that is cut back to a mark when its run is resumed.

    A resumed run appends again what was appended after the last saved mark. So that part is
    cut off first, and each dead letter is in the file exactly once. The file is created with the
    first append, mode 0600.
    """

    def __init__(self, path: Path, mark: int = 0, *, syscalls: Syscalls = os) -> None:
        """Raises Fatal where the file is shorter than `mark`: something else has cut it."""
        self.path = path
        self._syscalls = syscalls
        self._fd: int | None = None
        self._mark = mark
        self._torn = False  # bytes after the mark
        size = path.stat().st_size if path.exists() else 0
        if size < mark:
            # ftruncate to a larger size would silently pad with zeros
            raise self._cut(size)
        if size > mark:
            with disk_errors(path):
                self._open()
                assert self._fd is not None
                syscalls.ftruncate(self._fd, mark)

    @property
    def mark(self) -> int:
        """Bytes appended so far."""
        return self._mark

    def append(self, data: bytes) -> None:
        """Write `data` at the mark. The mark moves only when all of it is written.

        Raises Fatal. The next append cuts off what a failed one left behind.
        """
        with disk_errors(self.path):
            if self._fd is None:
                self._open()
            assert self._fd is not None
            if self._torn:
                self._syscalls.ftruncate(self._fd, self._mark)
            self._torn = True
            half = len(data) // 2
            write_all(self._fd, data[:half], self._syscalls)
            fault_point("dead-letter-half-written")
            write_all(self._fd, data[half:], self._syscalls)
        self._torn = False
        self._mark += len(data)

    def sync(self) -> None:
        """Make all that was appended durable. Blocking; may run in a thread."""
        if self._fd is not None:
            with disk_errors(self.path):
                self._syscalls.fsync(self._fd)

    def read(self) -> bytes:
        """All that was appended. Blocking. Raises Fatal where not all of it is there."""
        return self.read_part(0, self._mark)

    def read_part(self, offset: int, size: int) -> bytes:
        """`size` bytes of what was appended. Blocking. Raises Fatal where they are missing."""
        if not size:
            return b""
        with disk_errors(self.path, "read"):
            try:
                with self.path.open("rb") as file:
                    file.seek(offset)
                    data = file.read(size)
            except FileNotFoundError:
                data = b""
        if len(data) < size:
            raise self._cut(offset + len(data))
        return data

    def close(self) -> None:
        """Never raises: what matters was synced before, and a failed close closes the file, too."""
        if self._fd is not None:
            with suppress(OSError):
                self._syscalls.close(self._fd)
            self._fd = None

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._fd = self._syscalls.open(str(self.path), flags, 0o600)
        sync_path(self.path.parent, self._syscalls)

    def _cut(self, size: int) -> Fatal:
        return Fatal(
            f"{self.path} has {size} bytes, but {self._mark} were written: it was cut or removed",
            hint="restore the file, or start anew with --restart",
            kind=Kind.CHECKPOINT,
        )
