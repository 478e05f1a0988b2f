"""Reads records, forms groups of documents, and runs them: all of the run's tasks.

One task takes one group from look-up to commit (`engine.group`); between stages there are
no queues. What limits a run is the ledger (bytes and records open) and one limiter for
each scarce resource.

Guarantees: every ticket is resolved once, or stays open if the run ends first; the record of
an open ticket is read again by the next start. A run that is interrupted or fails stops
reading, lets what is being embedded or written finish for up to 30 s, and drops the rest.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from pulse_cli.engine.budget import Budget, Drained
from pulse_cli.engine.embedding import EmbedPool
from pulse_cli.engine.group import GroupTask
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.notes import Notes
from pulse_cli.engine.progress.dead_letters import unreadable_letter
from pulse_cli.engine.progress.ledger import Ledger, Resolution
from pulse_cli.engine.reading import (
    ReadRecord,
    estimated_chunks,
    is_record,
    read_batches,
    why_partial,
)
from pulse_cli.engine.task import DocumentTask, Group
from pulse_cli.errors import Unavailable
from pulse_cli.events import DocumentDone, Message
from pulse_cli.model import (
    Document,
    NoDocument,
    Note,
    Outcome,
    Position,
    Record,
    Skipped,
    Unreadable,
)
from pulse_cli.ports import Observer, Preparer, Source

DRAIN_SECONDS = 30.0


class Pipeline:
    """See the module docstring. `limit`: records to read, None for all. Use once."""

    def __init__(
        self,
        *,
        source: Source,
        preparer: Preparer,
        ledger: Ledger,
        pool: EmbedPool,
        budget: Budget,
        group_task: GroupTask,
        reader: Limiter,
        observer: Observer,
        group_chunks: int,
        limit: int | None,
    ) -> None:
        self._source = source
        self._preparer = preparer
        self._ledger = ledger
        self._pool = pool
        self._budget = budget
        self._group_task = group_task
        self._reader = reader
        self._observer = observer
        self._group_chunks = group_chunks
        self._limit = limit
        self._filling = Group()
        self._groups: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._error: BaseException | None = None
        self._reading: asyncio.Task[None] | None = None
        self.notes = Notes()
        self.exhausted = False

    async def run(self, start: Position) -> None:
        """Carry everything after `start`, until the input ends or `interrupt` or `fail`.

        Raises the first error, after what was in flight has finished or its time is up.
        """
        self._reading = asyncio.create_task(self._read(start))
        self._reading.add_done_callback(self._reading_ended)
        try:
            await self._over.wait()
            if self._error is not None or not self._is_complete():
                await self._drain()
        finally:
            for task in [self._reading, *self._groups]:
                task.cancel()
            await asyncio.gather(self._reading, *self._groups, return_exceptions=True)
            await self._pool.close()
        if self._error is not None:
            raise self._error

    def interrupt(self) -> None:
        """Stop reading, finish what is being embedded or written, drop the rest."""
        self._over.set()

    def fail(self, error: BaseException) -> None:
        """End the run with `error`, unless it has one already."""
        if self._error is None:
            self._error = error
        self._over.set()

    def _is_complete(self) -> bool:
        return self._reading is not None and self._reading.done() and not self._groups

    async def _drain(self) -> None:
        assert self._reading is not None
        self._reading.cancel()
        self._ledger.drain()
        self._budget.drain()
        self._pool.drain()
        unavailable = isinstance(self._error, Unavailable)
        if self._groups:
            await asyncio.wait(self._groups, timeout=0 if unavailable else DRAIN_SECONDS)

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
        elif not self._groups:
            self._over.set()

    def _group_ended(self, task: asyncio.Task[None]) -> None:
        self._groups.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
        elif self._is_complete():
            self._over.set()
        elif not self._groups and not self._over.is_set():
            self._launch()  # the reader waits: nothing else is being done

    # --- reading -----------------------------------------------------------

    async def _read(self, start: Position) -> None:
        records = 0
        reading = read_batches(self._source, start, self._preparer, self._reader)
        async with aclosing(reading) as batches:
            async for batch in batches:
                for read in batch:
                    if records == self._limit:
                        self._launch()
                        return
                    records += is_record(read.record)
                    await self._admit(read)
                if not self._groups:
                    self._launch()  # a slow source: nothing else is being done
        self._launch()
        self.exhausted = True

    async def _admit(self, read: ReadRecord) -> None:
        """Open a ticket for a record; documents go into the group being filled."""
        record, content = read.record, read.record.content
        partial = why_partial(read)
        if self._ledger.is_full(record.cost):
            self._launch()  # the ledger may wait for records of this group
        ticket = await self._ledger.open(
            record.position, record.cost, read.key if read.identity else None
        )
        match content:
            case Document():
                assert read.identity is not None
                if read.identity.key in self._filling.keys:
                    self._launch()
                task = DocumentTask(ticket, record.place, content, read.identity)
                self._filling.add(task, estimated_chunks(content, self._preparer.chunk_tokens))
                if self._filling.chunks >= self._group_chunks:
                    self._launch()
            case Skipped():
                document = DocumentDone(
                    record.place, content.url or "", Outcome.SKIPPED, content.reason
                )
                resolution = Resolution(
                    Outcome.SKIPPED, content.reason, seen=read.key, document=document
                )
                self._ledger.resolve(ticket, resolution)
            case Unreadable():
                letter = unreadable_letter(record.place, content)
                self._reader.stats.dead += 1
                resolution = Resolution(
                    Outcome.DEAD,
                    content.reason,
                    letter=letter,
                    seen=read.key,
                    partial=partial,
                    document=DocumentDone(
                        record.place,
                        content.url or "",
                        Outcome.DEAD,
                        content.reason,
                        content.detail,
                    ),
                )
                self._ledger.resolve(ticket, resolution)
            case NoDocument():
                self._tell(record)
                self._ledger.resolve(ticket, Resolution(None, content.reason, partial=partial))
            case Note():
                self._tell(record)
                self._ledger.resolve(ticket, Resolution(None, partial=partial))

    def _tell(self, record: Record) -> None:
        """Pass a note of the source on, unless there was one like it."""
        if message := self.notes.add(record):
            self._observer.on(Message("warning", message))

    def _launch(self) -> None:
        """Start the group that is being filled, unless it is empty."""
        group, self._filling = self._filling, Group()
        if group.tasks:
            self._pool.group_started()
            task = asyncio.create_task(self._run_group(group))
            self._groups.add(task)
            task.add_done_callback(self._group_ended)

    async def _run_group(self, group: Group) -> None:
        with suppress(Drained):  # its tickets stay open: the next start reads them again
            await self._group_task.run(group)
