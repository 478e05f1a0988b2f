"""The embed pool against an embedder that answers on a jumping clock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pulse_cli.engine.budget import Drained
from pulse_cli.engine.embedding import PROBE, Embedded, EmbedPool
from pulse_cli.engine.limiter import Limiter
from pulse_cli.errors import Fatal, Rejected, Transient
from pulse_cli.events import StageStats, Stats
from pulse_cli.model import EmbedLimits, Vectors

if TYPE_CHECKING:
    from pulse_cli.model import Floats
    from tests.engine.conftest import JumpClock


class ScriptedEmbedder:
    """Text "7" has vector [7]; `fault(texts)` may raise instead."""

    model, dimension = "scripted", 1

    def __init__(self, clock: JumpClock, batch: int = 32) -> None:
        self.limits = EmbedLimits(batch, 10**9, 8, 2, 512)
        self.requests: list[list[str]] = []
        self.fault: Callable[[Sequence[str]], None] = lambda texts: None
        self._clock = clock

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.requests.append(list(texts))
        await self._clock.sleep(0.1)
        self.fault(texts)
        rows = [[0.0 if text == PROBE else float(text)] for text in texts]
        return Vectors(np.array(rows, dtype=np.float32))

    async def embed_query(self, text: str) -> Floats:
        raise AssertionError("not asked")

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        pass


def pool_of(embedder: ScriptedEmbedder, clock: JumpClock, start: int = 2) -> EmbedPool:
    limiter = Limiter(
        "the embedder",
        start=start,
        high=8,
        clock=clock,
        rng=random.Random(3),
        give_up_after=60,
        stats=StageStats(),
    )
    return EmbedPool(embedder, limiter, clock, Stats())


def numbers(start: int, count: int) -> list[str]:
    return [str(n) for n in range(start, start + count)]


async def embed_all(pool: EmbedPool, groups: Sequence[Sequence[str]]) -> list[Embedded]:
    for _ in groups:
        pool.group_started()
    return await asyncio.gather(*(pool.embed(group) for group in groups))


def values(embedded: Embedded) -> list[float | str]:
    return [
        embedded.refused[n].reason if n in embedded.refused else float(row[0])
        for n, row in enumerate(embedded.rows)
    ]


async def test_every_text_gets_its_own_vector(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock)
    pool = pool_of(embedder, clock)
    groups = [numbers(0, 50), numbers(50, 3), numbers(53, 100)]
    found = await clock.run(embed_all(pool, groups))
    assert [values(one) for one in found] == [[float(n) for n in group] for group in groups]


async def test_tails_of_groups_share_requests(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock)
    pool = pool_of(embedder, clock)
    groups = [numbers(34 * n, 34) for n in range(16)]  # one full request and a tail of 2 each
    await clock.run(embed_all(pool, groups))
    assert [len(texts) for texts in embedder.requests] == [32] * 17


async def test_a_request_that_is_not_full_waits_only_while_others_fly(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock)
    pool = pool_of(embedder, clock)
    pool.group_started()  # it will never bring anything

    async def work() -> Embedded:
        pool.group_started()
        return await pool.embed(numbers(0, 5))

    assert values(await clock.run(work())) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("poison", [0, 31, 32, 63])
async def test_one_poison_among_64_is_found_in_13_requests(clock: JumpClock, poison: int) -> None:
    embedder = ScriptedEmbedder(clock, batch=64)

    def fault(texts: Sequence[str]) -> None:
        if str(poison) in texts:
            raise Rejected("poison", reason="bad-text")

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    (found,) = await clock.run(embed_all(pool, [numbers(0, 64)]))
    expected: list[float | str] = [float(n) for n in range(64)]
    expected[poison] = "bad-text"
    assert values(found) == expected
    assert len(embedder.requests) <= 13


async def test_a_batch_too_large_is_cut_to_what_the_server_takes(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock)

    def fault(texts: Sequence[str]) -> None:
        if len(texts) > 8:
            raise Rejected("batch size > 8", reason="batch", max_batch=8)

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    (found,) = await clock.run(embed_all(pool, [numbers(0, 200)]))
    assert values(found) == [float(n) for n in range(200)]
    assert sum(len(texts) > 8 for texts in embedder.requests) <= 8  # those already in flight


async def test_full_batches_refused_for_ever_with_429_are_halved(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock)

    def fault(texts: Sequence[str]) -> None:
        if len(texts) > 16:
            raise Transient("overloaded", overload=True)

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    (found,) = await clock.run(embed_all(pool, [numbers(0, 64)]))
    assert values(found) == [float(n) for n in range(64)]


async def test_a_storm_of_overloads_leaves_requests_as_large_as_they_were(
    clock: JumpClock,
) -> None:
    """Each size is refused while it lasts, so no size is to blame."""
    embedder = ScriptedEmbedder(clock)
    left = 200  # half a minute of them

    def fault(texts: Sequence[str]) -> None:
        nonlocal left
        if len(embedder.requests) > 20 and left > 0:
            left -= 1
            raise Transient("overloaded", overload=True)

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    (found,) = await clock.run(embed_all(pool, [numbers(0, 3200)]))
    assert left == 0
    assert values(found) == [float(n) for n in range(3200)]
    assert {len(texts) for texts in embedder.requests if texts != [PROBE]} == {32}


async def test_a_text_always_met_by_overload_ends_the_run_and_is_not_refused(
    clock: JumpClock,
) -> None:
    embedder = ScriptedEmbedder(clock)

    def fault(texts: Sequence[str]) -> None:
        if "5" in texts:
            raise Transient("overloaded", overload=True)

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    with pytest.raises(Fatal):
        await clock.run(embed_all(pool, [numbers(0, 8)]), until=clock.now + 600)


@pytest.mark.parametrize("share", [0.3, 0.4, 0.5])
async def test_no_text_is_blamed_where_each_request_fails_by_itself(
    clock: JumpClock, share: float
) -> None:
    """One bad backend behind a balancer; the server takes one text at a time."""
    embedder, rng = ScriptedEmbedder(clock), random.Random(7)
    embedder.limits = EmbedLimits(1, 10**9, 8, 2, 512)

    def fault(texts: Sequence[str]) -> None:
        if rng.random() < share:
            raise Transient("connection reset")

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    groups = [numbers(10 * n, 10) for n in range(60)]
    found = await clock.run(embed_all(pool, groups))
    assert [values(one) for one in found] == [[float(n) for n in group] for group in groups]


async def test_a_text_that_alone_keeps_failing_is_refused(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock, batch=4)

    def fault(texts: Sequence[str]) -> None:
        if "5" in texts:
            raise Transient("out of memory")

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    groups = [numbers(0, 8), *(numbers(8 + 40 * n, 40) for n in range(30))]
    found = await clock.run(embed_all(pool, groups))
    assert values(found[0]) == [0, 1, 2, 3, 4, "embedding-failed", 6, 7]
    assert not any(one.refused for one in found[1:])


async def test_a_fatal_error_ends_everybody(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock)

    def fault(texts: Sequence[str]) -> None:
        raise Fatal("bad key")

    embedder.fault = fault
    pool = pool_of(embedder, clock)
    for _ in range(3):
        pool.group_started()
    jobs = [pool.embed(numbers(n, 100)) for n in range(3)]
    ends = await clock.run(asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 60))
    assert [type(end) for end in ends] == [Fatal] * 3


async def test_a_drain_finishes_what_was_begun_and_drops_the_rest(clock: JumpClock) -> None:
    embedder = ScriptedEmbedder(clock)
    pool = pool_of(embedder, clock, start=1)

    async def work() -> list[Embedded | BaseException]:
        for _ in range(3):
            pool.group_started()
        jobs = [asyncio.ensure_future(pool.embed(numbers(100 * n, 40))) for n in range(3)]
        await clock.sleep(0.05)
        pool.drain()
        return await asyncio.gather(*jobs, return_exceptions=True)

    first, second, third = await clock.run(work())
    assert isinstance(first, Embedded)
    assert values(first) == [float(n) for n in range(40)]
    assert isinstance(second, Drained)
    assert isinstance(third, Drained)
    assert sum(map(len, embedder.requests)) == 40
