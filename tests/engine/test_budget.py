"""The budget of chunks in the works: order, bound, and no leak on cancellation or drain."""

from __future__ import annotations

import asyncio

import pytest

from pulse_cli.engine.budget import Budget, Drained


class Worker:
    """Holds `chunks` from when it is admitted until it is told to end."""

    def __init__(self, budget: Budget, chunks: int) -> None:
        self.inside = asyncio.Event()
        self.end = asyncio.Event()
        self.task = asyncio.ensure_future(self._work(budget, chunks))

    async def _work(self, budget: Budget, chunks: int) -> None:
        async with budget.hold(chunks):
            self.inside.set()
            await self.end.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_are_in_the_works_as_fit_and_in_order() -> None:
    budget = Budget(lambda: 100)
    workers = [Worker(budget, chunks) for chunks in (60, 40, 50, 10)]
    await settle()
    assert [w.inside.is_set() for w in workers] == [True, True, False, False]
    workers[1].end.set()
    await settle()  # 40 are free, the next wants 50; the small one behind it does not pass it
    assert [w.inside.is_set() for w in workers] == [True, True, False, False]
    workers[0].end.set()
    await settle()
    assert all(w.inside.is_set() for w in workers)
    for worker in workers:
        worker.end.set()
        await worker.task


async def test_one_larger_than_everything_goes_alone() -> None:
    budget = Budget(lambda: 100)
    oversized, small = Worker(budget, 5000), Worker(budget, 1)
    await settle()
    assert oversized.inside.is_set()
    assert not small.inside.is_set()
    oversized.end.set()
    small.end.set()
    await asyncio.gather(oversized.task, small.task)


async def test_whoever_is_cancelled_gives_back_what_it_had() -> None:
    budget = Budget(lambda: 10)
    first, second, third = (Worker(budget, 10) for _ in range(3))
    await settle()
    second.task.cancel()  # while waiting
    first.task.cancel()  # while inside
    await settle()
    assert third.inside.is_set()
    third.end.set()
    await third.task


async def test_a_drain_turns_away_all_that_wait_and_come_later() -> None:
    budget = Budget(lambda: 10)
    inside, waiting = Worker(budget, 10), Worker(budget, 10)
    await settle()
    budget.drain()
    with pytest.raises(Drained):
        await waiting.task
    with pytest.raises(Drained):
        async with budget.hold(1):
            pass
    inside.end.set()
    await inside.task
