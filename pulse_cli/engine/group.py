"""One group of documents, from look-up to commit, in local variables.

Guarantees: two versions of a page are written in input order, for a group waits, holding
nothing, until every earlier version is resolved; all chunks of a document are embedded
before its first write (documents of over 2,000 chunks go in windows, and leave no point
behind if they turn out dead). A document that cannot be embedded leaves the version that
is in the store alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pulse_cli.engine.budget import Budget
from pulse_cli.engine.commit import Committer, Writable, is_current
from pulse_cli.engine.embedding import EmbedPool
from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.progress.dead_letters import document_letter
from pulse_cli.engine.progress.ledger import Ledger, Resolution
from pulse_cli.engine.reading import Group, Item, utf8_bytes
from pulse_cli.errors import Rejected
from pulse_cli.events import Stats
from pulse_cli.model import Chunk, Commit, Outcome, Point, Prepared
from pulse_cli.ports import Preparer, RunInThread

if TYPE_CHECKING:
    from pulse_cli.model import Floats

WINDOW_CHUNKS = 2_000


@dataclass(frozen=True, slots=True)
class _Ready:
    """A prepared document. `chunks` is empty for a giant, which is cut window by window."""

    item: Item
    prepared: Prepared
    chunks: Sequence[Chunk]
    exists: bool

    @property
    def is_oversized(self) -> bool:
        return _is_oversized(self.prepared)


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
        self._force = force

    async def carry(self, group: Group) -> None:
        """Bring every document of the group to its outcome. Raises Fatal, Drained."""
        async with AsyncExitStack() as held:
            try:
                ready = await self._ready(group, held)
            except BaseException:
                self._pool.group_gone()
                raise
            await self._embed_and_write(ready)

    async def _ready(self, group: Group, held: AsyncExitStack) -> list[_Ready]:
        """The documents of the group that must be embedded, cut into chunks."""
        for item in group.items:
            await self._ledger.turn(item.ticket)
        known = await self._committer.lookup([item.identity for item in group.items])
        fault_point("group-looked-up")
        todo = [item for item in group.items if not self._settled(item, known)]
        if not todo:
            return []
        await held.enter_async_context(self._budget.hold(min(group.chunks, WINDOW_CHUNKS)))
        results = await self._cpu.run(lambda: self._run_in_thread(self._cut, todo))
        ready: list[_Ready] = []
        for item, result in zip(todo, results, strict=True):
            if isinstance(result, Rejected):
                self._dead(item, result, "prepare")
            elif result[0].starts:
                ready.append(_Ready(item, *result, item.identity.commit_id in known))
            else:
                self._resolve(item, Outcome.SKIPPED, "nothing-to-search")
        return ready

    async def _embed_and_write(self, ready: Sequence[_Ready]) -> None:
        small = [one for one in ready if not one.is_oversized]
        embedded = await self._pool.embed([chunk.text for one in small for chunk in one.chunks])
        self._stats.tokens_embedded += sum(sum(one.prepared.counts) for one in small)
        fault_point("group-embedded")
        await self._commit(small, embedded.rows, embedded.truncated)
        for one in ready:
            if one.is_oversized:
                await self._run_oversized(one)

    def _cut(self, items: Sequence[Item]) -> list[tuple[Prepared, list[Chunk]] | Rejected]:
        """In a thread: clean and chunk; giants are left uncut.

        Where a service counts the tokens, it may refuse a text: its document is found by halving.
        """
        try:
            return self._cut_all(items)
        except Rejected as error:
            if len(items) == 1:
                return [error]
            half = len(items) // 2
            return self._cut(items[:half]) + self._cut(items[half:])

    def _cut_all(self, items: Sequence[Item]) -> list[tuple[Prepared, list[Chunk]] | Rejected]:
        prepared = self._preparer.prepare([(item.document, item.identity) for item in items])
        small = [one for one in prepared if not _is_oversized(one)]
        chunks = iter(self._preparer.chunks(small, 0, WINDOW_CHUNKS))
        return [  # chunks hold the text of small ones now
            (one, []) if _is_oversized(one) else (replace(one, text=""), next(chunks))
            for one in prepared
        ]

    def _settled(self, item: Item, known: dict[str, Commit]) -> bool:
        """Resolve a document that the store holds already."""
        commit = known.get(item.identity.commit_id)
        if commit is None or not is_current(commit, item.identity, self._committer.stamp.rev):
            return False
        if commit.run_id == self._committer.stamp.run_id:  # written by an earlier start of this run
            self._indexed(item, commit.chunk_count, commit.doc_tokens, truncated=0)
            return True
        if self._force:
            return False
        self._resolve(item, Outcome.UNCHANGED)
        return True

    async def _commit(
        self, ready: Sequence[_Ready], rows: Sequence[Floats | Rejected], truncated: int
    ) -> None:
        """Write the documents all of whose chunks have vectors; the others are dead."""
        writable: list[Writable] = []
        owner: dict[str, Item] = {}
        at = 0
        for one in ready:
            own = rows[at : at + len(one.chunks)]
            at += len(one.chunks)
            try:
                vectors = _vectors(own)
            except Rejected as error:
                self._dead(one.item, error, "embed")
                continue
            writable.append(Writable(one.prepared, one.chunks, vectors, one.exists))
            owner[one.item.identity.key] = one.item

        def written(document: Writable) -> None:
            nonlocal truncated
            counts = document.prepared.counts
            item = owner[document.identity.key]
            self._indexed(item, len(counts), sum(counts), truncated=truncated)
            truncated = 0  # booked with the first document of the group

        def refused(document: Writable, error: Rejected) -> None:
            self._dead(owner[document.identity.key], error, "store")

        await self._committer.write(writable, written, refused)

    async def _run_oversized(self, one: _Ready) -> None:
        """Embed and write a document window by window; its chunk 0 last, as always."""
        identity, prepared = one.item.identity, one.prepared
        count = len(prepared.starts)
        commit: list[Point] = []
        ids: list[str] = []
        truncated = 0
        stage = "embed"
        try:
            for start in range(0, count, WINDOW_CHUNKS):
                chunks = await self._window(prepared, start, min(start + WINDOW_CHUNKS, count))
                self._pool.group_started()
                embedded = await self._pool.embed([chunk.text for chunk in chunks])
                self._stats.tokens_embedded += sum(chunk.tokens for chunk in chunks)
                truncated += embedded.truncated
                points = self._committer.points(prepared, chunks, _vectors(embedded.rows))
                stage = "store"
                ids += [point.id for point in points]
                if start == 0:
                    await self._committer.begin([identity] if one.exists else [])
                    commit = points[:1]
                await self._committer.body(points[1:] if start == 0 else points)
                stage = "embed"
            stage = "store"
            await self._committer.finish([identity], commit, ids)
        except Rejected as error:
            await self._committer.remove(identity)
            self._dead(one.item, error, stage)
        else:
            self._indexed(one.item, count, sum(prepared.counts), truncated=truncated)

    async def _window(self, prepared: Prepared, start: int, stop: int) -> list[Chunk]:
        cut = partial(self._run_in_thread, self._preparer.chunks, [prepared], start, stop)
        return (await self._cpu.run(cut))[0]

    # --- outcomes ----------------------------------------------------------

    def _dead(self, item: Item, error: Rejected, stage: str) -> None:
        self._stats.stages[stage].dead += 1
        letter = document_letter(item.place, item.document, error.reason, str(error))
        self._resolve(item, Outcome.DEAD, error.reason, letter=letter)

    def _indexed(self, item: Item, chunks: int, tokens: int, *, truncated: int) -> None:
        self._ledger.resolve(
            item.ticket,
            Resolution(
                Outcome.INDEXED,
                chunks=chunks,
                tokens=tokens,
                bytes_text=utf8_bytes(item.document.text),
                truncated=truncated,
                seen=item.identity.key,
            ),
        )
        self._stats.documents_done += 1

    def _resolve(
        self, item: Item, outcome: Outcome, reason: str = "", *, letter: bytes | None = None
    ) -> None:
        self._stats.documents_done += 1
        resolution = Resolution(
            outcome,
            reason,
            bytes_text=utf8_bytes(item.document.text),
            letter=letter,
            seen=item.identity.key,
        )
        self._ledger.resolve(item.ticket, resolution)


def _vectors(rows: Sequence[Floats | Rejected]) -> list[Floats]:
    """All rows as vectors. Raises the first Rejected among them."""
    for row in rows:
        if isinstance(row, Rejected):
            raise row
    return [row for row in rows if not isinstance(row, Rejected)]


def _is_oversized(prepared: Prepared) -> bool:
    return len(prepared.starts) > WINDOW_CHUNKS
