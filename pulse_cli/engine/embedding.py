"""The embedder, shared by all groups: packs texts into full requests, and finds texts that fail.

The texts of all groups wait in one queue. Requests take up to `batch` texts from its front, so
the last texts of one group share a request with the first of the next. A request that would not
be full waits while more texts are expected and other requests are in flight.

A text that was embedded before in this run is not sent again (`engine/shared_vectors.py`).

Each text ends with a vector or with the `Rejected` that refuses it:

- A refused request is halved until the refused text is alone (at most 1 + 2*log2(batch) requests
  for each such text). A request that is too large for the service is cut to the size it takes.
- A request that fails again and again while others succeed is halved too, and a single text is
  refused. That happens once so many failures in a row are improbable at the failure rate of other
  requests (`engine/failure_rate.py`): after four where 50 others succeed, after 20 where every
  second one fails. If there is no other request, at the end of a run, a short probe text is sent
  to see whether that succeeds.
- Overload is judged in the same way. A request counts as too large only if three times the
  service answered the probe and then refused the request. Otherwise all requests wait unchanged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pulse_cli.engine.budget import Drained
from pulse_cli.engine.failure_rate import FailureRate
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.permit import Permit
from pulse_cli.engine.reading import utf8_bytes
from pulse_cli.engine.shared_vectors import SharedVectors
from pulse_cli.errors import Rejected, Transient
from pulse_cli.events import Stats
from pulse_cli.ports import Clock, Embedder

if TYPE_CHECKING:
    from pulse_cli.model import Floats

COMPARED_OVERLOADS = 3
PROBE = "a"


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of all texts of a group, and why some have none.

    `rows` is float32, shape (texts, dimension); the row of a text in `refused` is undefined.
    `truncated` counts the texts that the server cut.
    """

    rows: Floats
    refused: Mapping[int, Rejected]
    truncated: int


@dataclass(slots=True, eq=False)
class _Job:
    """The texts of one group."""

    texts: Sequence[str]
    rows: Floats
    left: int
    done: asyncio.Future[None]
    refused: dict[int, Rejected] = field(default_factory=dict)
    truncated: int = 0
    started: bool = False

    def settle(self, index: int, row: Floats | Rejected) -> None:
        if isinstance(row, Rejected):
            self.refused[index] = row
        else:
            self.rows[index] = row
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class _Request:
    """The texts of one request, as places in jobs."""

    items: list[tuple[_Job, int]]
    failures: int = 0
    overloads: int = 0
    suspect: bool = False
    tried: bool = False
    last_error: str = ""


class EmbedPool:
    """See the module docstring. Each `group_started` is matched by one `embed` or `group_gone`."""

    def __init__(self, embedder: Embedder, limiter: Limiter, clock: Clock, stats: Stats) -> None:
        self._embedder = embedder
        self._shared = SharedVectors(embedder)
        self._limiter = limiter
        self._clock = clock
        self._stats = stats
        self._batch = embedder.limits.batch
        self._batch_bytes = embedder.limits.batch_bytes
        self._line: deque[tuple[_Job, int]] = deque()
        self._split: deque[_Request] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._jobs: set[_Job] = set()
        self._failed: BaseException | None = None
        self._draining = False
        self._upstream = 0
        self._rate = FailureRate()

    def group_started(self) -> None:
        """Say that a group will bring texts."""
        self._upstream += 1

    def group_gone(self) -> None:
        """Say that a group that had started brings no texts."""
        self._upstream -= 1
        self._dispatch()

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed all `texts`. Raises Fatal, and Drained if the run stops before it began."""
        self._upstream -= 1
        if self._failed is not None:
            raise self._failed
        if self._draining:
            raise Drained
        import numpy as np  # costs nothing here: the embedder has loaded it

        rows = np.empty((len(texts), self._embedder.dimension), np.float32)
        left = self._fill(rows, texts)
        if not left:
            self._dispatch()
            return Embedded(rows, {}, 0)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        job = _Job(texts, rows, len(left), done)
        self._jobs.add(job)
        self._line.extend((job, index) for index in left)
        self._dispatch()
        try:
            await done
        finally:
            self._jobs.discard(job)
            if job.left:
                self._forget(job)
        return Embedded(job.rows, job.refused, job.truncated)

    def _fill(self, rows: Floats, texts: Sequence[str]) -> list[int]:
        """Write the vectors of texts that were embedded before; return the places of the others."""
        left: list[int] = []
        for index, text in enumerate(texts):
            row = self._shared.known(text)
            if row is None:
                left.append(index)
            else:
                rows[index] = row
        self._stats.chunks_embedded += len(texts) - len(left)
        return left

    def drain(self) -> None:
        """Finish the groups of which a text was sent; send no text of the others."""
        self._draining = True
        for job in [job for job in self._jobs if not job.started]:
            self._forget(job)
            job.done.set_exception(Drained())
        self._dispatch()

    async def close(self) -> None:
        """Cancel what is in flight."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forget(self, job: _Job) -> None:
        self._line = deque(item for item in self._line if item[0] is not job)

    def _dispatch(self) -> None:
        """Send what can be sent now."""
        while self._split or self._line:
            full = len(self._line) >= self._batch
            worthwhile = self._split or full or self._upstream == 0 or not self._limiter.in_flight
            if not worthwhile or (permit := self._limiter.try_acquire()) is None:
                break
            request = self._split.popleft() if self._split else self._next_request()
            task = asyncio.create_task(self._carry(request, permit))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._limiter.stats.waiting = len(self._line)

    def _next_request(self) -> _Request:
        items: list[tuple[_Job, int]] = []
        size = 0
        while self._line and len(items) < self._batch:
            job, index = self._line[0]
            text = job.texts[index]
            size += utf8_bytes(text)
            if items and size > self._batch_bytes:
                break
            self._line.popleft()
            job.started = True
            items.append((job, index))
        return _Request(items)

    async def _carry(self, request: _Request, permit: Permit) -> None:
        """Send `request` until it is answered, refused, or split."""
        try:
            while not await self._try(request, permit):
                permit = await self._limiter.acquire(first=True)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._fail(error)
        self._dispatch()

    async def _try(self, request: _Request, permit: Permit) -> bool:
        """One attempt; True when the request needs no other."""
        texts = [job.texts[index] for job, index in request.items]
        probe_ok = False
        try:
            probe = partial(self._embedder.embed, [PROBE])
            if request.suspect:
                probe_ok = await self._limiter.serves(probe)
                self._rate.note(failed=not probe_ok)
            vectors, asked = await self._shared.embed(texts)
            if asked:
                self._limiter.succeeded(queue_s=vectors.queue_s, work_s=vectors.work_s)
                self._note(request, failed=False)
        except Rejected as error:
            self._limiter.succeeded()
            self._note(request, failed=False)
            self._refuse(request, error)
            return True
        except Transient as error:
            failure = self._limiter.failed(permit, error)
            self._note(request, failed=True)
            request.last_error = str(error)
            request.failures += failure.isolated + (probe_ok and not error.overload)
            request.overloads += probe_ok and error.overload
            matters = not error.overload or len(request.items) > 1
            request.suspect = matters and failure.alone and not failure.isolated
        else:
            self._deliver(request, vectors.rows, vectors.truncated)
            return True
        finally:
            self._limiter.release(permit)
        await self._clock.sleep(failure.delay)
        if request.failures >= self._rate.failures_to_blame():
            self._refuse(request, Rejected(request.last_error, reason="embedding-failed"))
            return True
        if request.overloads >= COMPARED_OVERLOADS and len(request.items) > 1:
            self._cut(request, len(request.items) // 2)
            return True
        return False

    def _note(self, request: _Request, *, failed: bool) -> None:
        """Count the first attempt of a request. A piece of a split request is a repeat."""
        if not request.tried:
            self._rate.note(failed=failed)
        request.tried = True

    def _deliver(self, request: _Request, rows: Floats, truncated: int) -> None:
        self._stats.chunks_embedded += len(request.items)
        for number, (job, index) in enumerate(request.items):
            job.truncated += truncated  # adapters truncate texts that are sent alone
            job.settle(index, rows[number])

    def _refuse(self, request: _Request, error: Rejected) -> None:
        if error.max_batch is not None and error.max_batch < len(request.items):
            self._cut(request, max(1, error.max_batch))
        elif len(request.items) > 1:
            self._cut(request, (len(request.items) + 1) // 2, keep_batch=True)
        else:
            job, index = request.items[0]
            job.settle(index, error)

    def _cut(self, request: _Request, size: int, *, keep_batch: bool = False) -> None:
        """Send `request` again in pieces of `size`, before anything else."""
        if not keep_batch:
            self._batch = min(self._batch, size)
        pieces = [request.items[at : at + size] for at in range(0, len(request.items), size)]
        self._split.extendleft(_Request(piece, tried=True) for piece in reversed(pieces))

    def _fail(self, error: BaseException) -> None:
        """A fatal error ends every job, now and later."""
        self._failed = error
        self._line.clear()
        self._split.clear()
        for job in self._jobs:
            if not job.done.done():
                job.done.set_exception(error)
