"""Takes one group of documents from look-up to outcome.

Guarantees:

- Two versions of a page are written in input order: a group waits until every earlier version is
  resolved, and holds no limiter and no budget while it waits.
- All chunks of a document are embedded before its first write. A document of over 2,000 chunks is
  embedded and written window by window instead.
- A document that becomes a dead letter, at any stage, leaves the version in the store as it is
  (`engine.commit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pulse_cli.engine.budget import Budget
from pulse_cli.engine.commit import Committer
from pulse_cli.engine.embedding import Embedded, EmbedPool
from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.progress.dead_letters import document_letter
from pulse_cli.engine.progress.ledger import Ledger, Resolution
from pulse_cli.engine.reading import utf8_bytes
from pulse_cli.engine.task import WINDOW_CHUNKS, DocumentTask, Group, StageTimes
from pulse_cli.errors import Rejected
from pulse_cli.events import DocumentDone, Stats
from pulse_cli.model import Chunk, Outcome, Point, Prepared
from pulse_cli.ports import Clock, Preparer, RunInThread

if TYPE_CHECKING:
    from pulse_cli.model import Floats


class GroupTask:
    """See the module docstring. `force` embeds again what is unchanged."""

    def __init__(
        self,
        *,
        preparer: Preparer,
        ledger: Ledger,
        pool: EmbedPool,
        committer: Committer,
        budget: Budget,
        cpu: Limiter,
        run_in_thread: RunInThread,
        stats: Stats,
        clock: Clock,
        force: bool,
    ) -> None:
        self._preparer = preparer
        self._ledger = ledger
        self._pool = pool
        self._committer = committer
        self._budget = budget
        self._cpu = cpu
        self._run_in_thread = run_in_thread
        self._stats = stats
        self._clock = clock
        self._force = force

    async def run(self, group: Group) -> None:
        """Bring every document of the group to its outcome. Raises Fatal, Drained."""
        async with AsyncExitStack() as held:
            try:
                tasks = await self._prepare(group, held)
            except BaseException:
                self._pool.group_gone()
                raise
            await self._embed_and_write(tasks)

    async def _prepare(self, group: Group, held: AsyncExitStack) -> list[DocumentTask]:
        """The documents of the group that must be embedded, cut into chunks."""
        for task in group.tasks:
            await self._ledger.wait_for_earlier(task.ticket)
        await self._committer.lookup(group.tasks)
        fault_point("group-looked-up")
        todo = [task for task in group.tasks if not self._settled(task)]
        self._stats.documents_known += len(group.tasks) - len(todo)
        if not todo:
            return []
        await held.enter_async_context(self._budget.hold(min(group.chunks, WINDOW_CHUNKS)))
        began = self._clock.monotonic()
        errors = await self._cpu.run(lambda: self._run_in_thread(self._cut, todo))
        for task in todo:
            task.times = StageTimes(prepare_s=self._clock.monotonic() - began)
        ready: list[DocumentTask] = []
        for task, error in zip(todo, errors, strict=True):
            if error is not None:
                self._dead(task, error, "prepare")
            elif task.prepared.starts:
                ready.append(task)
            else:
                self._resolve(task, Outcome.SKIPPED, "nothing-to-search")
        self._stats.documents_known += len(todo)
        self._stats.chunks_known += sum(len(task.prepared.starts) for task in ready)
        return ready

    async def _embed_and_write(self, tasks: Sequence[DocumentTask]) -> None:
        small = [task for task in tasks if not task.is_oversized]
        began = self._clock.monotonic()
        embedded = await self._pool.embed(
            [chunk.full_text for task in small for chunk in task.chunks]
        )
        for task in small:
            task.times.embed_s = self._clock.monotonic() - began
        self._stats.tokens_embedded += sum(sum(task.prepared.counts) for task in small)
        fault_point("group-embedded")
        await self._commit(small, embedded)
        for task in tasks:
            if task.is_oversized:
                await self._run_oversized(task)

    def _cut(self, tasks: Sequence[DocumentTask]) -> list[Rejected | None]:
        """In a thread: clean and chunk; oversized documents are left uncut.

        Where a service counts the tokens, it may refuse a text: its document is found by halving.
        """
        try:
            self._cut_all(tasks)
        except Rejected as error:
            if len(tasks) == 1:
                return [error]
            half = len(tasks) // 2
            return self._cut(tasks[:half]) + self._cut(tasks[half:])
        return [None] * len(tasks)

    def _cut_all(self, tasks: Sequence[DocumentTask]) -> None:
        prepared = self._preparer.prepare([(task.document, task.identity) for task in tasks])
        for task, one in zip(tasks, prepared, strict=True):
            task.prepared = one
        small = [task for task in tasks if not task.is_oversized]
        cut = self._preparer.chunks([task.prepared for task in small], 0, WINDOW_CHUNKS)
        for task, chunks in zip(small, cut, strict=True):
            task.chunks = chunks
            task.prepared = replace(task.prepared, text="")  # the chunks hold it now

    def _settled(self, task: DocumentTask) -> bool:
        """Resolve a document that the store holds already, whole and alone."""
        record = task.stored
        if record is None or not record.committed:
            return False
        if record.run_id == self._committer.stamp.run_id:  # written by an earlier start of this run
            self._indexed(task, record.chunk_count, record.doc_tokens, truncated=0)
            return True
        if self._force:
            return False
        self._resolve(task, Outcome.UNCHANGED)
        return True

    async def _commit(self, tasks: Sequence[DocumentTask], embedded: Embedded) -> None:
        """Write the documents all of whose chunks have vectors; the others are dead."""
        writable: list[DocumentTask] = []
        at = 0
        for task in tasks:
            own = range(at, at + len(task.chunks))
            at = own.stop
            refused = [embedded.refused[index] for index in own if index in embedded.refused]
            if refused:
                self._dead(task, refused[0], "embed")
            else:
                task.rows = embedded.rows[own.start : own.stop]
                writable.append(task)
        began = self._clock.monotonic()
        errors = await self._committer.write(writable)
        for task in writable:
            task.times.store_s = self._clock.monotonic() - began
        truncated = embedded.truncated
        for task, error in zip(writable, errors, strict=True):
            if error is not None:
                self._dead(task, error, "store")
                continue
            counts = task.prepared.counts
            self._indexed(task, len(counts), sum(counts), truncated=truncated)
            truncated = 0  # counted with the first document of the group

    async def _run_oversized(self, task: DocumentTask) -> None:
        """Embed and write a document window by window; its chunk 0 last, as always."""
        count = len(task.prepared.starts)
        first: tuple[list[Point], Floats] | None = None
        truncated = 0
        stage = "embed"
        try:
            for start in range(0, count, WINDOW_CHUNKS):
                stage = "embed"
                chunks = await self._window(task.prepared, start, min(start + WINDOW_CHUNKS, count))
                embedded = await self._embed_window(chunks)
                truncated += embedded.truncated
                points, rows = self._committer.points(task.prepared, chunks), embedded.rows
                stage = "store"
                if first is None:
                    await self._committer.begin([task])
                    first = points[:1], rows[:1].copy()
                    points, rows = points[1:], rows[1:]
                await self._committer.upsert([task], points, rows)
            assert first is not None, "an oversized document has chunks"
            await self._committer.upsert([task], *first)
            await self._committer.finish([task])
        except Rejected as error:
            if stage == "store":
                await self._committer.judge(error, [task])
            elif first is not None:
                with suppress(Rejected):
                    await self._committer.undo([task])
            self._dead(task, error, stage)
        else:
            self._indexed(task, count, sum(task.prepared.counts), truncated=truncated)

    async def _window(self, prepared: Prepared, start: int, stop: int) -> list[Chunk]:
        cut = partial(self._run_in_thread, self._preparer.chunks, [prepared], start, stop)
        return (await self._cpu.run(cut))[0]

    async def _embed_window(self, chunks: Sequence[Chunk]) -> Embedded:
        """Raises Rejected where one of the chunks is refused."""
        self._pool.group_started()
        embedded = await self._pool.embed([chunk.full_text for chunk in chunks])
        self._stats.tokens_embedded += sum(chunk.tokens for chunk in chunks)
        if embedded.refused:
            raise embedded.refused[min(embedded.refused)]
        return embedded

    # --- outcomes ----------------------------------------------------------

    def _dead(self, task: DocumentTask, error: Rejected, stage: str) -> None:
        self._stats.stages[stage].dead += 1
        letter = document_letter(task.place, task.document, error.reason, str(error))
        self._resolve(task, Outcome.DEAD, error.reason, letter=letter, detail=str(error))

    def _indexed(self, task: DocumentTask, chunks: int, tokens: int, *, truncated: int) -> None:
        self._ledger.resolve(
            task.ticket,
            Resolution(
                Outcome.INDEXED,
                chunks=chunks,
                tokens=tokens,
                bytes_text=utf8_bytes(task.document.text),
                truncated=truncated,
                seen=task.identity.key,
                document=_done(task, Outcome.INDEXED, chunks=chunks, tokens=tokens),
            ),
        )
        self._stats.documents_done += 1

    def _resolve(
        self,
        task: DocumentTask,
        outcome: Outcome,
        reason: str = "",
        *,
        letter: bytes | None = None,
        detail: str = "",
    ) -> None:
        self._stats.documents_done += 1
        resolution = Resolution(
            outcome,
            reason,
            bytes_text=utf8_bytes(task.document.text),
            letter=letter,
            seen=task.identity.key,
            document=_done(task, outcome, reason, detail),
        )
        self._ledger.resolve(task.ticket, resolution)


def _done(
    task: DocumentTask,
    outcome: Outcome,
    reason: str = "",
    detail: str = "",
    *,
    chunks: int = 0,
    tokens: int = 0,
) -> DocumentDone:
    """What observers may be told of a document."""
    if outcome is Outcome.UNCHANGED and task.stored is not None:
        chunks, tokens = task.stored.chunk_count, task.stored.doc_tokens
    return DocumentDone(
        task.place,
        task.document.url,
        outcome,
        reason,
        detail,
        chunks,
        tokens,
        prepare_ms=1000 * task.times.prepare_s,
        embed_ms=1000 * task.times.embed_s,
        store_ms=1000 * task.times.store_s,
    )
