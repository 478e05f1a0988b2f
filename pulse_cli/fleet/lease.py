"""The right of a worker to carry out a job, and to write while it does.

A lease is a key in Redis that expires `seconds` after the worker has last renewed it. The worker
counts them from before it asked, the server from when it was asked. So the right to write ends on
the worker before the job can be given to another, if both clocks run equally fast. A process that
was frozen looks at its clock before each write, and finds that it may not write any more.

Its value begins with the name of the worker. A result is
accepted from the holder of the lease only, in the same step that ends the lease.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    import redis

KEEP_RESULT_SECONDS = 7 * 24 * 3600
KEEP_PROGRESS_SECONDS = 3600

_RENEW = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('pexpire', KEYS[1], ARGV[2])
return redis.call('exists', KEYS[2])
"""
_FINISH = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2], 'EX', ARGV[4])
redis.call('rpush', KEYS[3], ARGV[3])
redis.call('expire', KEYS[3], ARGV[4])
redis.call('del', KEYS[1])
return 1
"""
_GIVE_UP = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('lpush', KEYS[2], ARGV[2]) end
redis.call('del', KEYS[1])
return 1
"""


@dataclass(frozen=True, slots=True)
class JobKeys:
    """The names in Redis of one job of a run that writes to `target`."""

    target: str
    run_id: str
    job_id: str

    @property
    def run(self) -> str:
        return run_key(self.run_id)

    @property
    def lease(self) -> str:
        return f"{leases_of(self.target)}{self.job_id}"

    @property
    def result(self) -> str:
        return f"pulse:result:{self.job_id}"

    @property
    def done(self) -> str:
        return done_key(self.run_id)

    @property
    def progress(self) -> str:
        return progress_key(self.run_id)


def run_key(run_id: str) -> str:
    """What a run is; the key lives as long as its coordinator."""
    return f"pulse:run:{run_id}"


def done_key(run_id: str) -> str:
    """The list of the jobs of a run that have a result."""
    return f"pulse:done:{run_id}"


def progress_key(run_id: str) -> str:
    """A hash with what the workers of a run say of the jobs they are at."""
    return f"pulse:progress:{run_id}"


def leases_of(target: str) -> str:
    """How the names of all leases begin that allow to write to a target."""
    return f"pulse:lease:{target}:"


def holder_of(lease: bytes) -> str:
    """The name of the worker that holds a lease."""
    return lease.decode().rpartition(" ")[0]


class LeaseLost(Fatal):
    """The job may have been given to another worker: this one must not write any more."""

    KIND = Kind.LOCKED


class Lease:
    """See the module docstring. Its methods raise redis' errors where the server is away."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: JobKeys,
        worker: str,
        seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = keys
        self._connection = connection
        self._seconds = seconds
        self._now = now
        self._token = f"{worker} {uuid.uuid4().hex}"
        self._until = 0.0
        self._renew = connection.register_script(_RENEW)
        self._finish = connection.register_script(_FINISH)
        self._give_up = connection.register_script(_GIVE_UP)

    @property
    def holds(self) -> bool:
        return self._now() < self._until

    def check(self) -> None:
        """Raises LeaseLost unless writing is allowed now."""
        if not self.holds:
            raise LeaseLost(f"job {self.keys.job_id} was not confirmed for {self._seconds:g} s")

    def take(self) -> bool:
        """Whether the lease is ours now. It is not where another worker has it."""
        asked = self._now()
        name, milliseconds = self.keys.lease, self._milliseconds
        if not self._connection.set(name, self._token, nx=True, px=milliseconds):
            return False
        self._until = asked + self._seconds
        return True

    def renew(self) -> bool:
        """Renew the lease. False where it is lost, or where the run has no coordinator any more."""
        asked = self._now()
        keys = [self.keys.lease, self.keys.run]
        answer = self._renew(keys=keys, args=[self._token, self._milliseconds])
        if answer == -1:
            self._until = 0.0
        else:
            self._until = asked + self._seconds
        return bool(answer == 1)

    def tell(self, progress: bytes) -> None:
        """Let the coordinator know how far the job is."""
        with self._connection.pipeline(transaction=False) as pipeline:
            pipeline.hset(self.keys.progress, self.keys.job_id, progress)
            pipeline.expire(self.keys.progress, KEEP_PROGRESS_SECONDS)
            pipeline.execute()

    def finish(self, result: bytes) -> bool:
        """Give the result of the job, and end the lease. False where it is lost."""
        keys = [self.keys.lease, self.keys.result, self.keys.done]
        args: list[bytes | str | int] = [self._token, result, self.keys.job_id, KEEP_RESULT_SECONDS]
        return bool(self._finish(keys=keys, args=args))

    def give_up(self, queue: str = "") -> None:
        """End the lease without a result. The job becomes the first of `queue`, if it is given."""
        self._until = 0.0
        keys = [self.keys.lease, queue or self.keys.lease]
        args: list[bytes | str] = [self._token, self.keys.job_id if queue else ""]
        self._give_up(keys=keys, args=args)

    @property
    def _milliseconds(self) -> int:
        return int(self._seconds * 1000)
