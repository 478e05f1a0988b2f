"""Files that pulse writes as a whole: after a crash the old or the new content is there.

    with AtomicFile(path) as file:          # in pieces
        file.write(b"...")
    write_atomically(path, b"...")          # at once

What a path may be, and what happens to it:

- nothing yet, or a regular file: the content is written beside it and renamed over it. A symbolic
  link is followed, so the link stays and its target is replaced. An existing file keeps its mode.
- a pipe or a character device (also `/dev/stdout`, `/dev/fd/N`): written to as it is, because a
  rename would put a file in its place. A pipe that nobody reads raises OSError instead of waiting.
- a folder, a block device, a file without write permission: OSError, and nothing is changed.

Before a path that a user named is used, `check_output` refuses what must not be written over.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from pulse_cli.errors import Fatal, Kind

HEAD_BYTES = 4096
"""How much of an existing file `check_output` shows to `is_own`."""

_LONGEST_NAME = 200
"""Bytes of a name that its temporary neighbour repeats (a name may have 255)."""


class Syscalls(Protocol):
    """The functions of module `os` that writing needs; tests hand in ones that fail."""

    def open(self, path: str, flags: int, mode: int = 0o777, /) -> int: ...
    def write(self, fd: int, data: memoryview, /) -> int: ...
    def fsync(self, fd: int, /) -> None: ...
    def close(self, fd: int, /) -> None: ...
    def ftruncate(self, fd: int, length: int, /) -> None: ...
    def fchmod(self, fd: int, mode: int, /) -> None: ...
    def link(self, source: str, target: str, /) -> None: ...
    def replace(self, source: str, target: str, /) -> None: ...


class AtomicFile:
    """A file being written. Leaving the `with` block puts it in place; an error drops it.

    `mode` is that of a new file. `durable=False` leaves out the fsync of file and folder: after a
    power cut the file may then be missing or empty. `patience` is how many seconds a write waits
    for the reader of a full pipe. Raises OSError, and then the old file is untouched; or the new
    one is there, but a power cut may undo that.
    """

    def __init__(
        self,
        path: Path,
        *,
        mode: int = 0o600,
        durable: bool = True,
        patience: float = 0.0,
        syscalls: Syscalls = os,
    ) -> None:
        self._syscalls = syscalls
        self._patience = patience
        self._durable = durable
        self._temporary: str | None = None
        self._target = str(path)
        found = _stat(path)
        if found is not None and _is_written_in_place(path, found):
            flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK
            self._fd = syscalls.open(self._target, flags)
            return
        if found is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        target = Path(os.path.realpath(path))
        self._target = str(target)
        self._temporary = str(target.with_name(temporary_name(target.name)))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self._fd = syscalls.open(self._temporary, flags, mode)
        kept = mode if found is None else stat.S_IMODE(found.st_mode)
        try:
            syscalls.fchmod(self._fd, kept)  # whatever the umask, or a file left by a crash
        except BaseException:
            self._drop()
            raise

    def write(self, data: bytes) -> None:
        if self._temporary is None and self._patience:
            self._write_patiently(memoryview(data))
        else:
            write_all(self._fd, data, self._syscalls)

    def finish(self) -> None:
        """Make what was written durable; nothing may be written after it. May be left out."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            if self._durable and self._temporary is not None:
                self._syscalls.fsync(fd)
        finally:
            self._syscalls.close(fd)

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._drop()
            return
        try:
            self.finish()
            if self._temporary is not None:
                self._syscalls.replace(self._temporary, self._target)
                self._temporary = None
        except BaseException:
            self._drop()
            raise
        if self._durable and not _is_special(self._target):
            sync_path(Path(self._target).parent, self._syscalls)

    def _write_patiently(self, data: memoryview) -> None:
        while data:
            if not select.select([], [self._fd], [], self._patience)[1]:
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads the pipe", self._target)
            data = data[self._syscalls.write(self._fd, data) :]

    def _drop(self) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                self._syscalls.close(self._fd)
            self._fd = -1
        if self._temporary is not None:
            with suppress(OSError):
                Path(self._temporary).unlink(missing_ok=True)


def write_atomically(
    path: Path,
    data: bytes,
    *,
    mode: int = 0o600,
    durable: bool = True,
    syscalls: Syscalls = os,
) -> None:
    """Replace the content of `path` by `data`. Arguments and errors as of `AtomicFile`."""
    with AtomicFile(path, mode=mode, durable=durable, syscalls=syscalls) as file:
        file.write(data)


def check_output(
    path: Path,
    *,
    is_own: Callable[[bytes], bool] | None = None,
    sources: Iterable[str] = (),
    state_folder: Path | None = None,
) -> None:
    """Refuse a path that must not be written over, before anything is written or read.

    Refused are a folder, a block device, one of `sources` (whatever name it is reached by), a
    path inside `state_folder`, and a file that is neither empty nor one that `is_own` takes for
    pulse's own by its first 4 KiB (None: any existing file is taken). Pipes and character devices
    pass. Raises Fatal (exit 2) with what to do.
    """
    try:
        found = _stat(path)
        if found is not None:
            _refuse_kind(path, found)
            _refuse_sources(path, found, sources)
        if state_folder is not None and _is_below(path, state_folder):
            raise _refused(f"{path} is in the state folder, whose files only pulse itself writes")
        if found is None or _is_special(path):
            return
        if found.st_size and is_own is not None and not is_own(_head(path)):
            raise _refused(f"{path} holds something that pulse did not write")
        if not os.access(path, os.W_OK):
            raise _refused(f"{path} cannot be written: permission denied")
    except OSError as error:
        raise _refused(f"{path} cannot be written: {error.strerror or error}") from error


def write_all(fd: int, data: bytes, syscalls: Syscalls = os) -> None:
    """Write all of `data`: on a nearly full disk a bare `os.write` stores half and says nothing."""
    view = memoryview(data)
    while view:
        view = view[syscalls.write(fd, view) :]


def sync_path(path: Path, syscalls: Syscalls = os) -> None:
    """Make a file, or the renames and new files in a folder, durable."""
    fd = syscalls.open(str(path), os.O_RDONLY)
    try:
        syscalls.fsync(fd)
    finally:
        syscalls.close(fd)


def temporary_name(name: str) -> str:
    """The name under which this process writes what becomes `name`; a crash may leave it."""
    short = os.fsdecode(os.fsencode(name)[:_LONGEST_NAME])
    return f".{short}.{os.getpid()}.new"


def _stat(path: Path) -> os.stat_result | None:
    """What `path` leads to, None if there is nothing (yet). Raises OSError."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_written_in_place(path: Path, found: os.stat_result) -> bool:
    """Whether a rename would destroy what stands there. Raises OSError for a folder or a disk."""
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISBLK(found.st_mode):
        raise OSError(errno.EINVAL, "it is a disk (a block device)", str(path))
    return not stat.S_ISREG(found.st_mode) or _is_descriptor(path)


def _is_special(path: Path | str) -> bool:
    found = _stat(Path(path))
    return found is not None and (not stat.S_ISREG(found.st_mode) or _is_descriptor(Path(path)))


def _is_descriptor(path: Path) -> bool:
    """Whether this is an open file by its number: /dev/stdout, /dev/fd/N, /proc/self/fd/N."""
    while path.is_symlink():
        if os.path.realpath(path.parent).startswith("/proc/"):
            return True
        path = path.parent / path.readlink()
    return False


def _refuse_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise _refused(f"{path} is a folder")
    if stat.S_ISBLK(found.st_mode):
        raise _refused(f"{path} is a disk (a block device)")


def _refuse_sources(path: Path, found: os.stat_result, sources: Iterable[str]) -> None:
    for source in sources:
        with suppress(OSError, ValueError):  # a source that is no path, or is not there
            if os.path.samestat(Path(source).stat(), found):
                raise _refused(f"{path} is a source of this run")


def _is_below(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _refused(message: str) -> Fatal:
    return Fatal(
        message,
        hint="nothing was written; name another file",
        kind=Kind.USAGE,
    )
