"""How long a simulated embedding server takes: two models of service.

Both keep ideal time: work that was waiting begins at the instant its place became free and
not when the event loop noticed, so that timer resolution (about 1 ms) costs a client a
little latency but the server no throughput, and `busy` is the server's own utilisation.

`BackendDevice` follows text-embeddings-inference (core/src/queue.rs, infer.rs): tokenizer
workers feed one FIFO queue; whenever the one-deep prefetch slot is free and the queue is not
empty, the next batch is formed at once and frozen; one thread runs one batch at a time.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pulse_cli.simulators.profiles import Backend, Slots, TeiModel


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, each the mean over the texts of a request."""

    tokenize_s: float = 0.0
    queue_s: float = 0.0
    work_s: float = 0.0


class Device(Protocol):
    async def run(self, tokens: Sequence[int], factor: float) -> Timing:
        """Work on texts of so many tokens, `factor` times as long. May be cancelled."""
        ...

    def busy_s(self) -> float:
        """Seconds of work since `reset`, over all `places`."""
        ...

    @property
    def places(self) -> int: ...
    def reset(self) -> None: ...


def device_for(model: TeiModel) -> Device:
    if isinstance(model.service, Slots):
        return SlotsDevice(model.service)
    return BackendDevice(model.service, model.max_batch_tokens, model.max_batch_requests)


class _BusyTime:
    """Sums intervals of work, those in progress and those across `reset` in part."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._done = 0.0
        self._running: set[tuple[float, float, int]] = set()
        self._number = 0

    def add(self, begin: float, end: float) -> tuple[float, float, int]:
        self._number += 1
        interval = (begin, end, self._number)
        self._running.add(interval)
        return interval

    def finish(self, interval: tuple[float, float, int]) -> None:
        self._running.discard(interval)
        self._done += self._part(interval, interval[1])

    def _part(self, interval: tuple[float, float, int], now: float) -> float:
        begin, end, _ = interval
        return max(0.0, min(end, now) - max(begin, self._since))

    def total(self) -> float:
        now = self._loop.time()
        return self._done + sum(self._part(interval, now) for interval in self._running)

    def reset(self) -> None:
        self._since = self._loop.time()
        self._done = 0.0


class SlotsDevice:
    """`slots` requests at once, the others wait first in, first out."""

    def __init__(self, model: Slots) -> None:
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._busy = _BusyTime()
        # When each free slot became free; a heap, the longest free first.
        self._free = [0.0] * min(model.slots, 100_000)
        self._waiting: deque[tuple[float, float, asyncio.Future[Timing]]] = deque()

    @property
    def places(self) -> int:
        return self._model.slots

    def busy_s(self) -> float:
        return self._busy.total()

    def reset(self) -> None:
        self._busy.reset()

    async def run(self, tokens: Sequence[int], factor: float) -> Timing:
        work_s = (self._model.request_s + self._model.input_s * len(tokens)) * factor
        if work_s == 0.0:
            return Timing()
        future: asyncio.Future[Timing] = self._loop.create_future()
        self._waiting.append((self._loop.time(), work_s, future))
        self._begin()
        return await future

    def _begin(self) -> None:
        while self._free and self._waiting:
            arrived, work_s, future = self._waiting.popleft()
            if future.cancelled():
                continue
            begin = max(arrived, heapq.heappop(self._free))
            interval = self._busy.add(begin, begin + work_s)
            timing = Timing(queue_s=begin - arrived, work_s=work_s)
            self._loop.call_at(begin + work_s, self._end, interval, timing, future)

    def _end(
        self,
        interval: tuple[float, float, int],
        timing: Timing,
        future: asyncio.Future[Timing],
    ) -> None:
        self._busy.finish(interval)
        heapq.heappush(self._free, interval[1])
        if not future.done():
            future.set_result(timing)
        self._begin()


@dataclass(slots=True)
class _Job:
    """One request at the back end; `left` of its `size` texts are not yet done."""

    future: asyncio.Future[Timing]
    size: int
    left: int
    queue_s: float = 0.0
    work_s: float = 0.0
    tokenize_s: float = 0.0


@dataclass(slots=True)
class _Batch:
    formed: float
    work_s: float
    items: list[tuple[float, _Job]] = field(default_factory=list)  # (in the queue since, job)
    end: float = 0.0
    interval: tuple[float, float, int] = (0.0, 0.0, 0)


class BackendDevice:
    """TEI's queue and device thread, as a discrete event simulation in ideal time."""

    def __init__(self, model: Backend, max_tokens: int, max_requests: int | None) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._max_requests = max_requests or 1 << 30
        self._loop = asyncio.get_running_loop()
        self._busy = _BusyTime()
        self._workers = [0.0] * model.workers  # heap: when each worker is free
        self._queue: deque[tuple[float, int, _Job]] = deque()  # (tokenized at, tokens, job)
        self._frozen: _Batch | None = None
        self._frozen_free_at = 0.0
        self._running: _Batch | None = None
        self._device_free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def places(self) -> int:
        return 1

    def busy_s(self) -> float:
        return self._busy.total()

    def reset(self) -> None:
        self._busy.reset()

    async def run(self, tokens: Sequence[int], factor: float) -> Timing:
        now = self._loop.time()
        job = _Job(self._loop.create_future(), len(tokens), len(tokens))
        for count in tokens:
            took = self._model.tokenize_s + count * self._model.tokenize_token_s
            ready = max(now, self._workers[0]) + took
            heapq.heapreplace(self._workers, ready)
            if self._queue:
                ready = max(ready, self._queue[-1][0])
            self._queue.append((ready, count, job))
            job.tokenize_s += took
        self._advance()
        timing = await job.future
        if factor > 1.0:
            # A straggler is late for its client; the device has long gone on.
            await asyncio.sleep((factor - 1.0) * (self._loop.time() - now))
        return timing

    def _advance(self) -> None:
        """Carry out every event that is due, in order, then sleep until the next one."""
        now = self._loop.time()
        while (due := self._next_event()) is not None and due <= now:
            if self._running is not None and self._running.end <= due:
                self._end(self._running)
            elif self._frozen is None:
                self._freeze(due)
            if self._running is None and self._frozen is not None:
                self._start(self._frozen)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due is None else self._loop.call_at(due, self._advance)

    def _next_event(self) -> float | None:
        while self._queue and self._queue[0][2].future.cancelled():
            self._queue.popleft()
        times = [] if self._running is None else [self._running.end]
        if self._frozen is None and self._queue:
            times.append(max(self._frozen_free_at, self._queue[0][0]))
        return min(times) if times else None

    def _freeze(self, now: float) -> None:
        """Form the next batch from the head of the queue, as much as is there at `now`."""
        batch = _Batch(now, 0.0)
        total = longest = 0
        while self._queue and self._queue[0][0] <= now and len(batch.items) < self._max_requests:
            ready, tokens, job = self._queue[0]
            if job.future.cancelled():
                self._queue.popleft()
                continue
            longest = max(longest, tokens)
            size = longest * (len(batch.items) + 1) if self._model.padded else total + tokens
            if batch.items and size > self._max_tokens:
                break
            self._queue.popleft()
            total = size
            batch.items.append((ready, job))
        if batch.items:
            batch.work_s = self._model.batch_s + total * self._model.token_s
            self._frozen = batch

    def _start(self, batch: _Batch) -> None:
        begin = max(batch.formed, self._device_free_at)
        batch.end = begin + batch.work_s
        batch.interval = self._busy.add(begin, batch.end)
        self._running, self._frozen = batch, None
        self._frozen_free_at = begin
        for queued, job in batch.items:
            job.queue_s += begin - queued
            job.work_s += batch.work_s

    def _end(self, batch: _Batch) -> None:
        self._busy.finish(batch.interval)
        self._running = None
        self._device_free_at = batch.end
        for _, job in batch.items:
            job.left -= 1
            if job.left == 0 and not job.future.done():
                self._answer(job)

    @staticmethod
    def _answer(job: _Job) -> None:
        n = job.size
        job.future.set_result(Timing(job.tokenize_s / n, job.queue_s / n, job.work_s / n))
