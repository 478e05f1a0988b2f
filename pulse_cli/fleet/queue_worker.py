"""The loop of a worker: takes jobs from RQ's queues and carries them out, one after the other.

RQ's SimpleWorker does the taking, by priority; it registers the worker (`rq info` shows it), waits
while Redis is away, and hears the signals: the first one lets the job in hand end, the second ends
the process. The jobs themselves are carried out here: what a job names is looked up among the kinds
that pulse knows, and nothing named in Redis is imported or called.

The services live in an event loop of a thread of their own. The thread of RQ renews the lease of
the job meanwhile, so a loop that is busy does not lose it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import redis
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from pulse_cli.engine import Stop
from pulse_cli.events import Message
from pulse_cli.fleet.board import queue_of
from pulse_cli.fleet.connection import AWAY, connect
from pulse_cli.fleet.job_runner import JobRunner, RunningJob
from pulse_cli.fleet.lease import JobKeys, Lease
from pulse_cli.fleet.messages import JobResult, RunInfo, result_to_json

if TYPE_CHECKING:
    from rq import Queue

    from pulse_cli.ports import Observer

HEARTBEAT_SECONDS = 1.0


class QueueWorker(SimpleWorker):
    """See the module docstring."""

    def __init__(
        self,
        address: str,
        priorities: list[str],
        *,
        name: str,
        lease_seconds: float,
        runner: JobRunner,
        loop: asyncio.AbstractEventLoop,
        observer: Observer,
    ) -> None:
        """`loop` runs in another thread. Raises redis' errors where there is no server."""
        # RQ waits for a job as long as it likes; the answers to a lease must come in time.
        connection = redis.Redis.from_url(address)
        super().__init__(
            [queue_of(connection, priority) for priority in priorities],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
        )
        self._leases = connect(address, lease_seconds / 4)
        self._lease_seconds = lease_seconds
        self._runner = runner
        self._loop = loop
        self._observer = observer
        self._infos: dict[str, RunInfo] = {}
        self._cpu_seconds = 0.0

    def execute_job(self, job: Job, queue: Queue) -> None:  # noqa: ARG002
        """Carry out one job, unless nobody wants it any more."""
        wanted = job.args[0]
        keys = JobKeys(str(wanted["target"]), str(wanted["run"]), job.id)
        lease = Lease(self._leases, keys, self.name, self._lease_seconds)
        try:
            info = self._take(lease)
        except redis.exceptions.RedisError as error:
            self._say(f"job {job.id} could not be taken: {error}")
            return
        if info is None:
            return
        self.set_state("busy")
        running = RunningJob(lease, info, wanted, Stop())
        future = asyncio.run_coroutine_threadsafe(self._runner.carry_out(running), self._loop)
        result = self._wait(running, future)
        used, self._cpu_seconds = self._cpu_seconds, time.process_time()
        self._give(running, replace(result, cpu_seconds=self._cpu_seconds - used))
        self.set_state("idle")

    def _take(self, lease: Lease) -> RunInfo | None:
        """What is known of the run, with its job's lease taken; None where it is not to be done."""
        if not lease.take():
            return None
        keys = lease.keys
        known, wanted = self._leases.get(keys.run), self._leases.exists(Job.key_for(keys.job_id))
        if not known or not wanted:
            lease.give_up()
            return None
        assert isinstance(known, bytes)
        if keys.run_id not in self._infos:
            self._infos = {keys.run_id: RunInfo.of_json(known)}
        return self._infos[keys.run_id]

    def _wait(self, running: RunningJob, future: Future[JobResult]) -> JobResult:
        """The result. The lease is renewed meanwhile; the job is stopped where that fails."""
        while True:
            try:
                return future.result(timeout=HEARTBEAT_SECONDS)
            except NotYet:
                self._renew(running)

    def _renew(self, running: RunningJob) -> None:
        lease = running.lease
        try:
            going_on = lease.renew()
            if going_on:
                lease.tell(running.progress())
            self.heartbeat()
        except redis.exceptions.RedisError as error:
            going_on = lease.holds
            self._say(f"the queue: {error}")
        if not going_on:
            self._loop.call_soon_threadsafe(running.stop.request)

    def _give(self, running: RunningJob, result: JobResult) -> None:
        """Give the result, unless the job was stopped before its end: then others will do it."""
        lease, shard = running.lease, result.shard
        ended_well = result.scan is not None or (shard is not None and shard.complete)
        stopped = running.stop.requested and not ended_well
        while lease.holds:
            try:
                if stopped:
                    lease.give_up()
                elif not lease.finish(result_to_json(result)):
                    self._say(f"job {lease.keys.job_id} was given to another worker")
                return
            except redis.exceptions.RedisError as error:
                self._say(f"the queue: {error}")
                time.sleep(HEARTBEAT_SECONDS)

    def _say(self, text: str) -> None:
        self._observer.on(Message("warning", text))


def new_name() -> str:
    """A name for a worker of this machine."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def in_thread(work: Callable[[asyncio.AbstractEventLoop], Any]) -> Any:
    """Call `work` with an event loop that runs in another thread until it returns."""
    logging.getLogger("rq.worker").setLevel(logging.ERROR)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="services", daemon=True)
    thread.start()
    try:
        return work(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


__all__ = ["AWAY", "QueueWorker", "in_thread", "new_name"]
