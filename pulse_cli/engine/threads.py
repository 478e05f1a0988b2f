"""Blocking work off the event loop.

There are two kinds: a pool for work that always ends soon, and daemon threads for reads that may
block for ever (a pipe whose writer sleeps). The process can end while a daemon thread waits.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """`ports.RunInThread` on a pool of `size` threads, joined on leaving the context."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="pulse")

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pool, partial(function, *args, **kwargs))


class DaemonThread:
    """One thread, started with the first job, that does not keep the process from ending.

    All jobs share it, because each new thread may get a memory arena of its own, and what it
    frees there is of no use to other threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = False

    def run(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Run `function` after the jobs given before it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def job() -> None:
            result: T | None = None
            error: BaseException | None = None
            try:
                result = function()
            except BaseException as caught:
                error = caught
            with suppress(RuntimeError):  # the loop is closed: the result is not needed any more
                loop.call_soon_threadsafe(settle, result, error)

        self._jobs.put(job)
        if not self._started:
            self._started = True
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            self._jobs.get()()
