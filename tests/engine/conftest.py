"""A clock that jumps: waits take no time, and happen in the order of their deadlines."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

SETTLE_STEPS = 30  # loop steps in which pure coroutine code comes to rest


class JumpClock:
    """`ports.Clock` that moves only when nothing else can happen."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self.now + max(0.0, seconds), self._count, future))
        await future

    async def run(self, work: Coroutine[Any, Any, T], *, until: float = 1e9) -> T:
        """Run `work` to its end, jumping from deadline to deadline."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(SETTLE_STEPS):
                await asyncio.sleep(0)
            if task.done():
                break
            assert self._sleepers, "stuck: nobody sleeps and nothing moves"
            assert self.now < until, "took too long"
            self.now, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
        return task.result()


@pytest.fixture
def clock() -> JumpClock:
    return JumpClock()
