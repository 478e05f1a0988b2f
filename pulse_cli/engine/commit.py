"""The order in which pages are written. With it no crash and no refusal loses a page.

The points of two versions of a page have different ids, so a new version never overwrites the
one in the store. Each step is `completed` before the next begins:

0. the commit record of the version in the store, if there is one, is set to `committed: false`;
1. all points of the new version are upserted, chunk 0 (its commit record) last, uncommitted;
2. all other points of the page are deleted;
3. the new commit record is set to `committed: true`.

Where step 0 or 1 is refused, it is undone: the points of the new version are deleted, and then
the record of step 0 is set to `committed: true` again. A page whose new version was in the
store before (its chunk 0 was found by the look-up) keeps those points, for they may be the only
whole version. After step 2 has begun nothing is ever undone.

Why this is right, wherever a run is killed or refused, and whatever is written next:

- *A committed record means: this version is whole, and no other point of the page exists.*
  `committed: true` is written in two places only. In step 3, after step 1 has written all points
  and step 2 has deleted all others. And by the undoing, for a record that was committed when the
  write began: since then only points of the new version were added, and those are deleted first
  (if that is refused, the record stays uncommitted). So only a version that is whole and alone
  is ever marked, and step 0 removes the mark before anything changes. The id of chunk 0 follows
  from address, content and settings. If the point of that id is committed, there is nothing to
  do. An interrupted change that is undone later does not look unchanged.
- *A whole version stays until another one is whole.* Points are deleted by step 2, when the
  new version is whole, and by the undoing, which deletes points of a version that was not whole:
  its chunk 0, which is written last, was not there before.
- *A whole write leaves that version and nothing else*, because step 2 deletes by the address and
  not by what any record says: leftovers of writes cut short, pages of the original service with
  random ids, and points of older id schemes.

Two versions are together in the store only between steps 1 and 2, or after a write cut short
there. A search shows a page once, whatever versions of it are there (`search.fusion`). So it
always finds at least one whole version, and need not look at `committed`.

Assumed: one writer per page, and a request that has failed is not applied after a later one.

Tested by `tests/engine/test_write_order.py`: every crash and refusal in every sequence of four
versions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.probe_page import PROBE_KEY, ProbePage
from pulse_cli.engine.task import DocumentTask
from pulse_cli.errors import Fatal, Rejected, Unavailable
from pulse_cli.model import Chunk, Point, Prepared
from pulse_cli.payload import CommitRecord, RunStamp, payloads
from pulse_cli.ports import Store

if TYPE_CHECKING:
    from pulse_cli.model import Floats

# Halving a group that fails costs little. A single document is tried for about 25 s, because a
# part of the store may be unavailable for a moment.
COMPARED_TOGETHER, COMPARED_ALONE = 2, 8


class Committer:
    """Writes documents in the order above, through the store's limiter."""

    def __init__(self, store: Store, limiter: Limiter, stamp: RunStamp, dimension: int) -> None:
        self._store = store
        self._limiter = limiter
        self._probe = ProbePage(store, limiter, stamp, dimension)
        self.stamp = stamp

    async def lookup(self, tasks: Sequence[DocumentTask]) -> None:
        """Set `stored` of each task: the commit record of exactly this version, if it is there."""
        ids = [task.identity.commit_id for task in tasks]
        found = await self._limiter.run(lambda: self._store.lookup(ids))
        for task in tasks:
            task.stored = found.get(task.identity.commit_id)

    async def write(self, tasks: Sequence[DocumentTask]) -> list[Rejected | None]:
        """Write documents with all their vectors. For each: why it was refused, or None.

        Which documents are refused is found by halving. Raises Fatal where the store refuses
        every page.
        """
        if not tasks:
            return []
        try:
            await self._write(tasks)
        except Rejected as error:
            await self.judge(error, tasks)
            if len(tasks) == 1:
                return [error]
            half = len(tasks) // 2
            return await self.write(tasks[:half]) + await self.write(tasks[half:])
        return [None] * len(tasks)

    async def judge(self, error: Rejected, tasks: Sequence[DocumentTask]) -> None:
        """Return if these documents caused `error`. Raises Fatal if the store did."""
        await self._probe.judge(error, tasks)

    async def _write(self, tasks: Sequence[DocumentTask]) -> None:
        import numpy as np  # costs nothing here: the vectors to write are numpy arrays

        points = [self.points(task.prepared, task.chunks) for task in tasks]
        rows = np.concatenate([*(t.rows[1:] for t in tasks), *(t.rows[:1] for t in tasks)])
        ordered = [point for own in points for point in own[1:]] + [own[0] for own in points]
        await self.begin(tasks)
        await self.upsert(tasks, ordered, rows)
        await self.finish(tasks)

    def points(self, prepared: Prepared, chunks: Sequence[Chunk]) -> list[Point]:
        """The points of these chunks of a page."""
        own = payloads(prepared, chunks, self.stamp)
        return [
            Point(chunk.id, chunk.words, payload)
            for chunk, payload in zip(chunks, own, strict=True)
        ]

    async def begin(self, tasks: Sequence[DocumentTask]) -> None:
        """Step 0."""
        keys = [task.identity.key for task in tasks]
        records = await self._limiter.run(lambda: self._store.committed(keys))
        by_key: dict[str, list[CommitRecord]] = {}
        for record in records:
            by_key.setdefault(record.key, []).append(record)
        for task in tasks:
            task.replaces = [record.id for record in by_key.get(task.identity.key, ())]
        ids = [record.id for record in records]
        if ids:
            await self._undoing(tasks, lambda: self._store.set_committed(ids, False))
        fault_point("commit-begun")

    async def upsert(
        self, tasks: Sequence[DocumentTask], points: Sequence[Point], rows: Floats
    ) -> None:
        """Step 1, or a part of it: `points` of these documents in the order of writing."""
        await self._undoing(tasks, lambda: self._store.upsert(points, rows))
        fault_point("commit-points-written")

    async def finish(self, tasks: Sequence[DocumentTask]) -> None:
        """Steps 2 and 3."""
        for task in tasks:
            task.started_to_replace = True
        left, self._probe.left_behind = self._probe.left_behind, {}
        versions = {**left, **{task.identity.key: task.identity.version for task in tasks}}
        try:
            await self._send(tasks, lambda: self._store.delete_other_versions(versions))
        except BaseException:
            self._probe.left_behind = {PROBE_KEY: ""}
            raise
        fault_point("commit-others-deleted")
        ids = [task.identity.commit_id for task in tasks]
        await self._send(tasks, lambda: self._store.set_committed(ids, True))
        self._probe.page_was_written()
        fault_point("commit-done")

    async def delete_probe(self) -> None:
        """Delete the probe page that an earlier run may have left, if nothing was written since."""
        if self._probe.left_behind:
            await self._limiter.run(lambda: self._store.delete_pages([PROBE_KEY]))

    async def _undoing(
        self, tasks: Sequence[DocumentTask], call: Callable[[], Awaitable[None]]
    ) -> None:
        """Send a request of step 0 or 1. If it is refused, undo the write as far as possible."""
        try:
            await self._send(tasks, call)
        except (Rejected, Fatal) as error:
            if not isinstance(error, Unavailable):
                with suppress(Rejected, Fatal):  # then the old version is whole, not committed
                    await self.undo(tasks)
            raise

    async def undo(self, tasks: Sequence[DocumentTask]) -> None:
        """Delete the new versions and mark the old ones as committed again."""
        new = {t.identity.key: t.identity.version for t in tasks if t.may_be_removed}
        if new:
            await self._send(tasks, lambda: self._store.delete_versions(new))
        old = [record for task in tasks for record in task.replaces]
        if old:
            await self._send(tasks, lambda: self._store.set_committed(old, True))
        fault_point("commit-undone")

    async def _send(
        self, tasks: Sequence[DocumentTask], call: Callable[[], Awaitable[None]]
    ) -> None:
        """Send one request of a write. Raises Rejected where its documents are the cause."""
        comparisons = COMPARED_ALONE if len(tasks) == 1 else COMPARED_TOGETHER
        await self._limiter.run(call, probe=self._probe.write, comparisons=comparisons)
