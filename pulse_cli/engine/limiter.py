"""Finds how many requests a service can take at once, and decides what to do when it fails.

Growth and cuts are those of TCP Reno: the limit doubles per round trip (one more per
success) until the first cut, later grows by one per round trip; an overload (429) halves
it, once per generation of requests, and everybody waits as long as the service asked, or
for a jittered exponential backoff. It grows only while it is the limit that holds requests
back, and not while the service says that they mostly wait there already.

A failure is *isolated* if another request succeeded since this one was sent: then only
this request waits and is tried again. If none did, the service itself is in trouble: the
limit falls to one request, which tests the service. The first success lets all others go on.
After `give_up_after` seconds without any success the run ends, resumable.

Overload and outage never count against a record. A call is refused only after a comparison:
several times, at growing intervals, the service has answered a probe (a short request of the
same kind) and has then failed at this call.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pulse_cli.engine.permit import Failure, Permit
from pulse_cli.engine.timing import Histogram
from pulse_cli.errors import Fatal, Rejected, Transient, Unavailable
from pulse_cli.events import StageStats, Waiting
from pulse_cli.ports import Clock

T = TypeVar("T")

BACKOFF_S, BACKOFF_CAP_S = 0.25, 15.0  # an overloaded service does answer: asked every BACKOFF_S
RETRY_AFTER_CAP_S = 60.0
SHOWN_AFTER_S = 0.5  # a single broken connection is not worth a message
CLOCK_GRAIN_S = 1e-3  # this much too early counts as on time: sums of times are rounded
SUSPECT_AFTER = 3  # failures in a row until a call is compared with a probe
QUEUE_RATIO = 3.0  # queue time to work time: TEI runs one batch and has one ready, more is no use


class Limiter:
    """One per service. All methods run on the event loop."""

    def __init__(
        self,
        name: str,
        *,
        start: int,
        high: int,
        clock: Clock,
        rng: random.Random,
        give_up_after: float,
        stats: StageStats,
    ) -> None:
        self.name = name
        self.stats = stats
        self._clock = clock
        self._rng = rng
        self._give_up_after = give_up_after
        self._high = high
        self._limit = float(start)
        self._threshold = float(high)
        self._generation = 0
        self._successes = 0
        self._failures = 0
        self._failing_since: float | None = None
        self._last_error = ""
        self._resume_at = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._wakers: set[asyncio.Task[None]] = set()
        self._latency = Histogram()
        self._busy_since = 0.0
        stats.limit = start

    @property
    def in_flight(self) -> int:
        return self.stats.in_flight

    @property
    def limit(self) -> int:
        return int(self._limit)

    def try_acquire(self) -> Permit | None:
        """A permit if there is one now."""
        free = self.stats.in_flight < int(self._limit) and not self._waiters
        if not free or self._is_paused():
            return None
        return self._grant()

    async def acquire(self, *, first: bool = False) -> Permit:
        """Wait for a permit, in the order of the calls; `first` is for requests tried again."""
        while (pause := self._resume_at - self._clock.monotonic()) > 0:
            await self._clock.sleep(pause)
        if self.stats.in_flight < int(self._limit) and (first or not self._waiters):
            return self._grant()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if first:
            self._waiters.appendleft(turn)
        else:
            self._waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the permit had been granted
            raise
        return self._permit()

    def release(self, permit: Permit) -> None:
        """Give the permit back."""
        self._latency.add(self._clock.monotonic() - permit.sent_at)
        self._leave()

    def succeeded(self, *, queue_s: float | None = None, work_s: float | None = None) -> None:
        """Note that a request was answered. To be called before its `release`."""
        self._successes += 1
        self._failures = 0
        self._failing_since = None
        self._resume_at = 0.0
        queueing = queue_s is not None and work_s is not None and queue_s > QUEUE_RATIO * work_s
        if queueing or self.stats.in_flight < int(self._limit):
            return
        step = 1.0 if self._limit < self._threshold else 1.0 / self._limit
        self._set_limit(min(self._high, self._limit + step))

    def failed(self, permit: Permit, error: Transient) -> Failure:
        """Note that a request failed. To be called before its `release`. Raises Unavailable."""
        now = self._clock.monotonic()
        self.stats.retries += 1
        self._last_error = str(error)
        alone = self.stats.in_flight == 1
        isolated = self._successes > permit.successes and not error.overload
        if isolated:
            if error.timeout:
                self._set_limit(max(1.0, self._limit - 1))
            return Failure(self._backoff(1), alone, isolated=True)
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since > self._give_up_after:
            raise self._given_up(now - self._failing_since, error)
        if permit.generation == self._generation:
            self._cut(error)
            wait = error.retry_after
            if wait is None:
                wait = self._backoff(1 if error.overload else self._failures)
            wait = min(wait, RETRY_AFTER_CAP_S)
            self._pause(now + wait)
        return Failure(max(0.0, self._resume_at - now), alone, isolated=False)

    async def run(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        probe: Callable[[], Awaitable[object]] | None = None,
        comparisons: int = 1,
    ) -> T:
        """Do one request, waiting for its turn, until it succeeds or is refused for good.

        `probe` sends a short request of the same kind. A call that fails right after a probe
        succeeded, `comparisons` times in a row, is refused: Rejected("keeps-failing").
        """
        first, failures, strikes = False, 0, 0
        while True:
            self.stats.waiting += 1
            try:
                permit = await self.acquire(first=first)
            finally:
                self.stats.waiting -= 1
            probe_ok = False
            try:
                if probe is not None and failures >= SUSPECT_AFTER:
                    probe_ok = await self.serves(probe)
                result = await call()
                self.succeeded()
                return result
            except Transient as error:
                failure = self.failed(permit, error)
                failures = 0 if error.overload else failures + 1
                strikes = strikes + 1 if probe_ok and not error.overload else 0
                if strikes == comparisons:
                    raise Rejected(str(error), reason="keeps-failing") from error
            finally:
                self.release(permit)
            await self._clock.sleep(max(failure.delay, self._backoff(strikes) if strikes else 0.0))
            first = True

    async def serves(self, probe: Callable[[], Awaitable[object]]) -> bool:
        """Whether the service answers `probe`, sent under a permit that the caller holds."""
        try:
            await probe()
        except (Transient, Rejected):
            return False
        self.succeeded()
        return True

    def waiting(self) -> Waiting | None:
        """What to tell the user while the service answers no request, else None."""
        if self._failing_since is None:
            return None
        waited = self._clock.monotonic() - self._failing_since
        if waited < SHOWN_AFTER_S:
            return None
        return Waiting(self.name, self._last_error, waited, max(0.0, self._give_up_after - waited))

    def refresh_stats(self) -> None:
        """Bring percentiles and busy time in `stats` up to date."""
        if self.stats.in_flight:
            now = self._clock.monotonic()
            self.stats.busy_s += now - self._busy_since
            self._busy_since = now
        quantile = self._latency.quantile
        self.stats.p50_ms = quantile(0.50) * 1e3
        self.stats.p95_ms = quantile(0.95) * 1e3
        self.stats.p99_ms = quantile(0.99) * 1e3

    def _pause(self, until: float) -> None:
        """Start no request before `until`, and start one then."""
        self._resume_at = until
        waker = asyncio.create_task(self._wake_at(until))
        self._wakers.add(waker)
        waker.add_done_callback(self._wakers.discard)

    def _is_paused(self) -> bool:
        return self._clock.monotonic() < self._resume_at - CLOCK_GRAIN_S

    async def _wake_at(self, moment: float) -> None:
        await self._clock.sleep(moment - self._clock.monotonic())
        self._wake()

    def _cut(self, error: Transient) -> None:
        self._generation += 1
        self._failures += 1
        if error.overload:
            self._threshold = max(1.0, self._limit / 2)
            self._set_limit(self._threshold)
        elif error.timeout:
            self._set_limit(max(1.0, self._limit - 1))
        else:
            self._threshold = max(self._threshold, self._limit)
            self._set_limit(1.0)

    def _backoff(self, failures: int) -> float:
        ceiling = min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** min(failures - 1, 10))
        return ceiling * self._rng.uniform(0.5, 1.0)

    def _given_up(self, seconds: float, error: Transient) -> Fatal:
        return Unavailable(
            f"{self.name} gave no answer for {seconds:.0f} s; the last error: {error}",
            hint="check that it runs, then run the same command again: it goes on where it"
            " stopped (--give-up-after sets how long to wait)",
        )

    def _set_limit(self, limit: float) -> None:
        self._limit = limit
        self.stats.limit = int(limit)

    def _grant(self) -> Permit:
        if self.stats.in_flight == 0:
            self._busy_since = self._clock.monotonic()
        self.stats.in_flight += 1
        self.stats.requests += 1
        return self._permit()

    def _permit(self) -> Permit:
        return Permit(self._clock.monotonic(), self._generation, self._successes)

    def _leave(self) -> None:
        self.stats.in_flight -= 1
        if self.stats.in_flight == 0:
            self.stats.busy_s += self._clock.monotonic() - self._busy_since
        self._wake()

    def _wake(self) -> None:
        """Hand out permits, unless all requests are to wait."""
        if self._is_paused():
            return
        while self._waiters and self.stats.in_flight < int(self._limit):
            turn = self._waiters.popleft()
            if not turn.done():
                self._grant()
                turn.set_result(None)


def unfailing_limiter(name: str, size: int, clock: Clock, stats: StageStats) -> Limiter:
    """A limiter of fixed size, for work in this process that has no temporary failures."""
    rng = random.Random()
    return Limiter(
        name, start=size, high=size, clock=clock, rng=rng, give_up_after=0.0, stats=stats
    )
