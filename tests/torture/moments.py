"""The moments at which a process may die, counted; and dying at one of them.

Fault points of the engine, every system call that writes, and both sides of every request
to the store are moments. Once dead, a process gets no further: everything it asks of the
world raises `Crash`, so nothing that handles errors can save anything.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import Any


class Crash(BaseException):
    """Not an Exception: nothing may catch it and go on."""


class Moments:
    """One process's moments. It dies at the `nth` one (from 1) that `chosen` picks."""

    def __init__(self, chosen: Callable[[str], bool] = lambda name: False, nth: int = 1) -> None:
        self._chosen = chosen
        self._left = nth
        self.dead = False
        self.passed: Counter[str] = Counter()
        self.on_death: Callable[[], object] = lambda: None

    def passing(self, name: str) -> None:
        """Raises Crash where the process dies, and ever after."""
        if self.dead:
            raise Crash(name)
        self.passed[name] += 1
        if self._chosen(name):
            self._left -= 1
            if self._left == 0:
                self.dead = True
                self.on_death()
                raise Crash(name)


class MortalCalls:
    """`Syscalls` of a process that may die before and after each of them."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def close(self, fd: int) -> None:
        os.close(fd)  # the kernel closes the files of the dead, too

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any) -> Any:
            self._moments.passing(f"disk-{name}")
            return real(*args)

        return call


def at(name: str) -> Callable[[str], bool]:
    return lambda passed: passed == name


def anywhere(_: str) -> bool:
    return True


def kill_task(task: asyncio.Future[Any]) -> Callable[[], object]:
    """What ends a process in this one: its main task is cancelled, from any thread."""
    loop = asyncio.get_running_loop()
    return lambda: loop.call_soon_threadsafe(task.cancel)
