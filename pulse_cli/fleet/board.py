"""The jobs of a run as its coordinator keeps them in Redis, over RQ's queues.

Redis may lose anything at any moment: what the coordinator has given out and has no result of, it
looks for regularly. A job is in the queue, or a worker holds its lease, or its result is there.
If none of that is true for as long as a lease lasts, the job is given out again. So neither a
worker that dies, nor a queue that is evicted, restarted or emptied, loses a job. Two workers never
have the lease of a job at once.

All methods block, and raise redis' errors where the server is away. They may be repeated then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from pulse_cli.fleet.lease import JobKeys, done_key, holder_of, leases_of, progress_key, run_key

if TYPE_CHECKING:
    import redis

PRIORITIES = ("high", "default", "low")
MOST_AT_ONCE = 256


def queue_of(connection: redis.Redis, priority: str) -> Queue:
    """RQ's queue of a priority. Its values are JSON."""
    return Queue(f"pulse-{priority}", connection=connection, serializer=JSONSerializer)


def target_digest(store: str, collection: str) -> str:
    """A short name of where a run writes to."""
    return hashlib.sha256(f"{store}\0{collection}".encode()).hexdigest()[:12]


@dataclass(slots=True)
class _Given:
    """A job that was given out. `missing_since`: since when it is nowhere to be found."""

    job: Mapping[str, Any]
    began: bool = False
    missing_since: float | None = None
    losses: int = 0


class JobBoard:
    """The jobs of one run. `seconds` is how long a lease lasts."""

    def __init__(
        self,
        connection: redis.Redis,
        *,
        priority: str,
        target: str,
        run_id: str,
        info: bytes,
        seconds: float,
        now: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._queue = queue_of(connection, priority)
        self._target = target
        self._run_id = run_id
        self._info = info
        self._milliseconds = int(seconds * 1000)
        self._seconds = seconds
        self._now = now
        self._given: dict[str, _Given] = {}
        self._workers = 0

    @property
    def free(self) -> int:
        """How many more jobs may be given out. The number in Redis is bounded."""
        return max(MOST_AT_ONCE, 2 * self._workers) - len(self._given)

    @property
    def waiting(self) -> int:
        """How many jobs were given out and have no result."""
        return len(self._given)

    def claim_target(self) -> str:
        """Claim the right to write to the target. Returns the run that has it, "" if it is ours."""
        name = f"pulse:target:{self._target}"
        if self._connection.set(name, self._run_id, nx=True, px=self._milliseconds):
            return ""
        holder = self._connection.get(name)
        assert holder is None or isinstance(holder, bytes)
        return "" if holder is None or holder.decode() == self._run_id else holder.decode()

    def withdraw(self) -> None:
        """Take back what an earlier start of this run has given out; its workers will stop."""
        self._connection.delete(run_key(self._run_id))
        self._drop(one for one in self._queue.get_job_ids() if one.startswith(self._run_id))

    def workers_at_target(self) -> int:
        """How many jobs, of whatever run, may be writing to the target now."""
        return sum(1 for _ in self._connection.scan_iter(f"{leases_of(self._target)}*", count=1000))

    def begin(self) -> None:
        """From now on workers may take jobs of this run, while `keep_alive` is called."""
        self._connection.set(run_key(self._run_id), self._info, px=self._milliseconds)

    def keep_alive(self) -> None:
        """To be called several times within the length of a lease."""
        with self._connection.pipeline(transaction=False) as pipeline:
            pipeline.pexpire(run_key(self._run_id), self._milliseconds)
            pipeline.set(f"pulse:target:{self._target}", self._run_id, px=self._milliseconds)
            known, _ = pipeline.execute()
        if not known:
            self.begin()

    def put(self, name: str, job: Mapping[str, Any]) -> None:
        """Give out a job. Its result may be there from an earlier start."""
        keys = self._keys(name)
        self._given[keys.job_id] = _Given(job)
        if self._connection.exists(keys.result):
            self._connection.rpush(keys.done, keys.job_id)
        else:
            self._enqueue(keys.job_id, job)

    def collect(self) -> dict[str, bytes]:
        """The results that have come: name of the job, and what its worker said."""
        found: dict[str, bytes] = {}  # a job may be listed twice
        while (popped := self._connection.lpop(done_key(self._run_id))) is not None:
            assert isinstance(popped, bytes)
            job_id = popped.decode()
            name = job_id.removeprefix(f"{self._run_id}-")
            result = self._connection.get(self._keys(name).result)
            assert result is None or isinstance(result, bytes)
            if job_id in self._given and result is not None:
                found[name] = result
        return found

    def remove(self, name: str) -> None:
        """Forget a job, whose result is kept elsewhere now."""
        keys = self._keys(name)
        self._connection.delete(keys.result, Job.key_for(keys.job_id))
        self._connection.hdel(keys.progress, keys.job_id)
        self._given.pop(keys.job_id, None)

    def look(self, dead: Container[str] = ()) -> dict[str, int]:
        """Give out again what is nowhere. Returns the jobs whose workers were lost, how often each.

        `dead` are workers known to be dead: what they held need not be waited for.
        """
        queued = set(self._queue.get_job_ids())
        absent = [job_id for job_id in self._given if job_id not in queued]
        with self._connection.pipeline(transaction=False) as pipeline:
            for job_id in absent:
                keys = self._keys_of_id(job_id)
                pipeline.get(keys.lease)
                pipeline.exists(keys.result)
            answers = pipeline.execute()
        leases = dict(zip(absent, answers[::2], strict=True))
        done = dict(zip(absent, answers[1::2], strict=True))
        lost: dict[str, int] = {}
        for job_id, given in self._given.items():
            lease = leases.get(job_id)
            if lease is not None and holder_of(lease) in dead:
                given.began = True
                self._connection.delete(self._keys_of_id(job_id).lease)
                lost[job_id] = self._give_again(job_id, given)
            elif job_id in queued or lease is not None:
                given.began |= lease is not None
                given.missing_since = None
            elif done.get(job_id):
                self._connection.rpush(done_key(self._run_id), job_id)
            elif given.missing_since is None:
                given.missing_since = self._now()
            elif self._now() - given.missing_since >= self._seconds:
                began = given.began
                times = self._give_again(job_id, given)
                if began:
                    lost[job_id] = times
        return {job_id.removeprefix(f"{self._run_id}-"): times for job_id, times in lost.items()}

    def workers(self) -> int:
        """How many workers listen to the queue. Enough jobs are given out for all of them."""
        self._workers = Worker.count(queue=self._queue)
        return self._workers

    def progress(self) -> dict[str, bytes]:
        """What the workers say of the jobs that they are at."""
        found = self._connection.hgetall(progress_key(self._run_id))
        assert isinstance(found, dict)
        return {_text(job_id): value for job_id, value in found.items() if isinstance(value, bytes)}

    def end(self) -> None:
        """The run has no coordinator any more: workers stop, and what is waiting is dropped."""
        self._connection.delete(run_key(self._run_id))
        self._drop(list(self._given))
        self._connection.delete(progress_key(self._run_id))

    def release_target(self) -> None:
        """Others may write to the target, once no worker does."""
        self._connection.delete(f"pulse:target:{self._target}")

    def _enqueue(self, job_id: str, job: Mapping[str, Any]) -> None:
        full = {**job, "run": self._run_id, "target": self._target}
        self._queue.enqueue_call(f"pulse.{job['kind']}", args=[full], job_id=job_id, timeout=-1)

    def _give_again(self, job_id: str, given: _Given) -> int:
        """Returns how often its worker was lost."""
        given.losses += given.began
        given.began, given.missing_since = False, None
        self._enqueue(job_id, given.job)
        return given.losses

    def _drop(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            self._connection.lrem(self._queue.key, 0, job_id)
            self._connection.delete(Job.key_for(job_id))

    def _keys(self, name: str) -> JobKeys:
        return self._keys_of_id(f"{self._run_id}-{name}")

    def _keys_of_id(self, job_id: str) -> JobKeys:
        return JobKeys(self._target, self._run_id, job_id)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
