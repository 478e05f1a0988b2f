"""Gives out the jobs of a run, and gives out again those whose workers were lost.

Guarantees: jobs are given out only while no other run, and no worker of an earlier start, can be
writing to the target. While Redis is away, everything waits, up to run.give_up_after.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import redis

from pulse_cli.engine import Stop
from pulse_cli.errors import Fatal, Locked
from pulse_cli.events import Message
from pulse_cli.fleet.board import JobBoard
from pulse_cli.fleet.connection import translated
from pulse_cli.ports import Clock, Observer
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.config.fleet import Fleet
    from pulse_cli.fleet.local_workers import LocalWorkers

T = TypeVar("T")
Jobs: TypeAlias = Mapping[str, Callable[[], Mapping[str, Any]]]
"""What is to be given out for each job, by its name."""

TICK_SECONDS = 0.1
LOOK_SECONDS = 1.0
LONELY_SECONDS = 5.0
DISMISS_SECONDS = 10.0


@dataclass(slots=True)
class Dispatch:
    """Over the board of one run. `workers` are those of this machine, if it has any.

    `keep` gets the name of each job that has ended, and its result. `show` gets what the workers
    say of the jobs in hand, once a second.
    """

    board: JobBoard
    services: Services
    observer: Observer
    clock: Clock
    stop: Stop
    keep: Callable[[str, bytes], Awaitable[None]]
    show: Callable[[Mapping[str, bytes]], None]
    workers: LocalWorkers | None = None
    _keeper: asyncio.Task[None] | None = None
    _looked: float = 0.0
    _lonely_since: float | None = None

    @property
    def _fleet(self) -> Fleet:
        return self.services.settings.fleet

    async def begin(self) -> None:
        """From now on workers may take jobs. Raises Locked where another run has the target."""
        await self._ask(self.board.withdraw)
        await self._claim_target()
        self._keeper = asyncio.create_task(self._keep_alive())
        await self._quiet_target("jobs of an earlier start")
        await self._ask(self.board.begin)

    async def end(self) -> None:
        """All jobs are done: wait until no worker can be writing any more, and free the target."""
        await self._ask(self.board.end)
        await self._quiet_target("workers that were lost")
        await self._ask(self.board.release_target)

    async def close(self) -> None:
        """Take back all jobs; workers may end what they have in flight. Never raises."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        with suppress(redis.exceptions.RedisError, TimeoutError):
            async with asyncio.timeout(DISMISS_SECONDS):
                await asyncio.to_thread(self.board.end)
                while await asyncio.to_thread(self.board.workers_at_target):
                    await self.clock.sleep(TICK_SECONDS)

    async def carry_out(self, jobs: Jobs, kept: Container[str]) -> bool:
        """Whether all jobs but the kept ones were done; False after a signal. Raises Fatal."""
        waiting = deque(name for name in jobs if name not in kept)
        while waiting or self.board.waiting:
            while waiting and self.board.free > 0:
                name = waiting.popleft()
                await self._ask(self.board.put, name, jobs[name]())
            for name, data in (await self._ask(self.board.collect)).items():
                try:
                    await self.keep(name, data)
                finally:
                    await self._ask(self.board.remove, name)
            if self.stop.requested:
                return False
            if waiting or self.board.waiting:
                await self.clock.sleep(TICK_SECONDS)
                await self._look()
        return True

    async def _claim_target(self) -> None:
        # The claim of a coordinator that was killed ends by itself.
        until = self.clock.monotonic() + self._fleet.lost_after + LOOK_SECONDS
        while other := await self._ask(self.board.claim_target):
            if self.clock.monotonic() > until or self.stop.requested:
                raise Locked(
                    f"run {other} is writing to this target, from another machine or state folder",
                    hint="wait for it to end",
                )
            await self.clock.sleep(LOOK_SECONDS)

    async def _quiet_target(self, what: str) -> None:
        """Wait until no worker can be writing to the target."""
        told = False
        while number := await self._ask(self.board.workers_at_target):
            if not told:
                self.observer.on(Message("info", f"waiting for {number} {what} to end"))
                told = True
            await self.clock.sleep(LOOK_SECONDS / 4)

    async def _look(self) -> None:
        """Once a second: what was lost is given out again, and observers learn where the run is."""
        if self.clock.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = self.clock.monotonic()
        dead = self.workers.replace_dead() if self.workers is not None else ()
        for name, times in (await self._ask(self.board.look, frozenset(dead))).items():
            text = f"the worker of job {name} was lost; the job is given out again"
            self.observer.on(Message("warning", text))
            if times > self._fleet.retries:
                raise Fatal(
                    f"job {name} has lost its worker {times} times: it may be what kills them",
                    hint="see which page does it with one process: run the same command without"
                    " --workers and --queue",
                )
        self._say_lonely(await self._ask(self.board.workers))
        self.show(await self._ask(self.board.progress))

    def _say_lonely(self, workers: int) -> None:
        """Tell once, each time there is no worker for a while."""
        now = self.clock.monotonic()
        if workers or self.workers is not None:
            self._lonely_since = None
        elif self._lonely_since is None:
            self._lonely_since = now
        elif now - self._lonely_since > LONELY_SECONDS:
            self._lonely_since = float("inf")
            text = "no worker listens to the queue: start some with `pulse worker`"
            self.observer.on(Message("warning", text))

    async def _keep_alive(self) -> None:
        """Tell the workers that there is a coordinator; while Redis is away they learn nothing."""
        while True:
            with suppress(redis.exceptions.RedisError):
                await asyncio.to_thread(self.board.keep_alive)
            await self.clock.sleep(self._fleet.lost_after / 5)

    async def _ask(self, function: Callable[..., T], *args: Any) -> T:
        """Ask Redis, and wait while it is away. Raises Fatal."""

        async def call() -> T:
            try:
                return await asyncio.to_thread(function, *args)
            except redis.exceptions.RedisError as error:
                raise translated(error) from error

        seconds = self.services.settings.run.give_up_after
        return await self.services.patiently("the queue", call, seconds)
