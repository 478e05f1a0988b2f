"""The limiter on a jumping clock: growth, cuts, outages, and that no wish is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from pulse_cli.engine.limiter import Limiter
from pulse_cli.errors import Fatal, Rejected, Transient, Unavailable
from pulse_cli.events import StageStats

if TYPE_CHECKING:
    from tests.engine.conftest import JumpClock


def limiter(clock: JumpClock, *, start: int = 2, high: int = 16, give_up: float = 600) -> Limiter:
    return Limiter(
        "the service",
        start=start,
        high=high,
        clock=clock,
        rng=random.Random(1),
        give_up_after=give_up,
        stats=StageStats(),
    )


class Service:
    """Answers after `seconds`; `refuse(now, in_flight)` may raise."""

    def __init__(self, clock: JumpClock, seconds: float = 0.5) -> None:
        self.clock = clock
        self.seconds = seconds
        self.in_flight = 0
        self.most = 0
        self.answered: list[float] = []
        self.fault: Transient | None = None
        self.slots = 10**9

    async def call(self) -> float:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            if self.in_flight > self.slots:
                await self.clock.sleep(0.001)
                raise Transient("too many", overload=True)
            await self.clock.sleep(self.seconds)
            if self.fault is not None:
                raise self.fault
        finally:
            self.in_flight -= 1
        self.answered.append(self.clock.now)
        return self.clock.now


async def test_concurrency_is_found_within_five_seconds(clock: JumpClock) -> None:
    service, own = Service(clock), limiter(clock)
    began = clock.now

    async def work() -> None:
        await asyncio.gather(*(own.run(service.call) for _ in range(300)))

    await clock.run(work())
    full = next(t for t in service.answered if sum(a == t for a in service.answered) == 16)
    assert full - began <= 5
    assert service.most == 16


async def test_it_does_not_grow_when_nobody_needs_more(clock: JumpClock) -> None:
    service, own = Service(clock), limiter(clock)

    async def work() -> None:
        for _ in range(50):
            await own.run(service.call)

    await clock.run(work())
    assert own.limit == 2


async def test_it_does_not_grow_while_requests_wait_at_the_service(clock: JumpClock) -> None:
    own = limiter(clock)
    for _ in range(20):
        permits = [own.try_acquire() for _ in range(own.limit)]
        for permit in permits:
            assert permit is not None
            own.succeeded(queue_s=10.0, work_s=1.0)
            own.release(permit)
    assert own.limit == 2


async def test_overload_halves_once_for_all_that_were_in_flight(clock: JumpClock) -> None:
    own = limiter(clock, start=16)
    permits = [own.try_acquire() for _ in range(16)]
    for permit in permits:
        assert permit is not None
        own.failed(permit, Transient("busy", overload=True))
        own.release(permit)
    assert own.limit == 8


async def test_retry_after_is_obeyed_by_everybody_and_capped(clock: JumpClock) -> None:
    own = limiter(clock)
    permit = own.try_acquire()
    assert permit is not None
    failure = own.failed(permit, Transient("busy", overload=True, retry_after=86_400))
    own.release(permit)
    assert failure.delay == pytest.approx(60)
    assert own.try_acquire() is None
    began = clock.now
    await clock.run(own.acquire())
    assert clock.now - began == pytest.approx(60)


async def test_a_storm_of_500_overloads_passes_and_speed_is_back_in_30_s(clock: JumpClock) -> None:
    service, own = Service(clock, seconds=0.05), limiter(clock, start=12, high=12)
    left = 500

    async def stormy() -> float:
        nonlocal left
        if left > 0:
            left -= 1
            await clock.sleep(0.01)
            raise Transient("busy", overload=True)
        return await service.call()

    async def work() -> None:
        await asyncio.gather(*(own.run(stormy) for _ in range(9000)))

    await clock.run(work())
    storm_end = service.answered[0]
    later = [t for t in service.answered if storm_end + 29 <= t < storm_end + 30]
    assert len(service.answered) == 9000  # nothing was lost
    assert len(later) >= 0.9 * 12 / 0.05


async def test_an_isolated_failure_slows_nobody_else(clock: JumpClock) -> None:
    own = limiter(clock, start=4)
    bad, good = own.try_acquire(), own.try_acquire()
    assert bad is not None
    assert good is not None
    own.succeeded()
    own.release(good)
    failure = own.failed(bad, Transient("reset"))
    own.release(bad)
    assert failure.isolated
    assert own.limit == 4
    assert own.try_acquire() is not None


async def test_an_outage_leaves_one_probe_and_recovers_at_once(clock: JumpClock) -> None:
    service, own = Service(clock, seconds=0.01), limiter(clock, start=8)
    service.fault = Transient("refused")

    async def back_after_a_minute() -> None:
        await clock.sleep(60)
        assert own.limit == 1
        service.fault = None

    async def work() -> None:
        await asyncio.gather(back_after_a_minute(), *(own.run(service.call) for _ in range(200)))

    began = clock.now
    await clock.run(work())
    assert len(service.answered) == 200
    assert clock.now - began < 60 + 15 + 5  # the longest backoff, then full speed


async def test_it_gives_up_resumable_when_nothing_answers(clock: JumpClock) -> None:
    service, own = Service(clock), limiter(clock, give_up=30)
    service.fault = Transient("refused")
    began = clock.now
    with pytest.raises(Fatal, match="the service gave no answer") as caught:
        await clock.run(own.run(service.call))
    assert isinstance(caught.value, Unavailable)
    assert 30 <= clock.now - began <= 30 + 16


async def test_a_cancelled_wish_takes_no_permit_with_it(clock: JumpClock) -> None:
    own = limiter(clock, start=1, high=1)
    held = own.try_acquire()
    assert held is not None
    waiting = [asyncio.ensure_future(own.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    own.release(held)
    waiting[1].cancel()  # it has been given the permit, but has not run since
    own.release(await asyncio.wait_for(waiting[2], 5))
    assert own.in_flight == 0


FAILS, BUSY = Transient("it failed"), Transient("too many", overload=True)


async def run_with_probe(
    clock: JumpClock, answers: Sequence[Transient | None], control: object
) -> str | None:
    """Whether a call that meets these answers in turn is refused in the end; why."""
    own = limiter(clock)
    left = iter(answers)

    async def call() -> None:
        if (answer := next(left)) is not None:
            raise answer

    async def probe() -> None:
        if isinstance(control, Exception):
            raise control

    try:
        await clock.run(own.run(call, probe=probe, comparisons=2))
    except Rejected as error:
        return error.reason
    return None


async def test_a_call_that_fails_beside_a_probe_is_refused(clock: JumpClock) -> None:
    assert await run_with_probe(clock, [FAILS] * 5 + [None], None) == "keeps-failing"
    assert await run_with_probe(clock, [FAILS] * 4 + [None], None) is None


async def test_an_overload_is_no_comparison(clock: JumpClock) -> None:
    assert await run_with_probe(clock, [FAILS] * 4 + [BUSY, None], None) is None


@pytest.mark.parametrize("control", [FAILS, BUSY, Rejected("no", reason="store-rejected")])
async def test_a_service_that_fails_at_probes_refuses_nothing(
    clock: JumpClock, control: Exception
) -> None:
    assert await run_with_probe(clock, [FAILS] * 20 + [None], control) is None
