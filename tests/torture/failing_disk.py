"""A disk that fails at its k-th call, as disks do: for once or for good, and taking data along.

A call that fails does nothing, but for these, which are the ways in which data is lost in
practice. A write may store half of what it was given, and only the next one reports the full
disk. A failed fsync throws away what was to be synced, and the next one reports success (so does
Linux: the pages count as clean). A file whose close fails is closed nevertheless.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """`lasting`: all calls from the k-th on. `short`: half a write, and only then that."""

    code: int
    lasting: bool
    short: bool = False

    @property
    def full(self) -> bool:
        return self.code == errno.ENOSPC


FAULTS = {
    "half a write": Fault(0, lasting=False, short=True),
    "full": Fault(errno.ENOSPC, lasting=True),
    "full for a moment": Fault(errno.ENOSPC, lasting=False),
    "full after half a write": Fault(errno.ENOSPC, lasting=True, short=True),
    "broken": Fault(errno.EIO, lasting=True),
    "broken for a moment": Fault(errno.EIO, lasting=False),
}


class FailingDisk:
    """`Syscalls` of which the `kth` (from 1) fails; `failed` holds the calls that did.

    `reached`: there was a k-th call, though one that is no write cannot be a short one.
    """

    def __init__(self, kth: int, fault: Fault) -> None:
        self._kth = kth
        self._fault = fault
        self._numbers = itertools.count(1)
        self._synced: dict[int, tuple[str, int]] = {}  # by descriptor: path and length
        self.failed: list[str] = []
        self.reached = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real: Callable[..., Any] = (
            getattr(os, name) if name != "fsync" else os.fstat
        )  # the machine stays up: no need

        def call(*args: Any) -> Any:
            number = next(self._numbers)
            if number < self._kth or (number > self._kth and not self._fault.lasting):
                return self._done(name, args, real(*args))
            self.reached = True
            if self._fault.short and name == "write" and not self.failed and len(args[1]) > 1:
                self.failed.append("write")
                return real(args[0], args[1][: len(args[1]) // 2])
            if not self._fault.code:
                return self._done(name, args, real(*args))
            self.failed.append(name)
            if name == "close":
                real(*args)
            if name == "fsync":
                self._lose(args[0])
            raise OSError(self._fault.code, os.strerror(self._fault.code))

        return call

    def _done(self, name: str, args: tuple[Any, ...], result: Any) -> Any:
        if name == "open":
            self._synced[result] = (args[0], os.fstat(result).st_size)
        elif name == "fsync":
            path, _ = self._synced[args[0]]
            self._synced[args[0]] = (path, os.fstat(args[0]).st_size)
        return result

    def _lose(self, fd: int) -> None:
        """Zeros in place of what was written to `fd` since it was synced."""
        found = os.fstat(fd)
        path, synced = self._synced[fd]
        if stat.S_ISREG(found.st_mode) and found.st_size > synced:
            again = os.open(path, os.O_WRONLY)  # `fd` itself may only append
            os.pwrite(again, bytes(found.st_size - synced), synced)
            os.close(again)
