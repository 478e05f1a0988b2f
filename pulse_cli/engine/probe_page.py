"""A page that any working store accepts. It tells a bad page from a store in trouble.

When a store refuses a page or keeps failing at it, the probe page is written. If that fails too,
the store is in trouble: a store that fails is waited for, and one that refuses ends the run,
because it would turn every page into a dead letter. If the probe page is accepted, but page after
page is refused and none is accepted, a page of the same size without meaning is written. If that
is refused too, the cause is a limit of the store and not the pages.

The probe page goes through all steps of a write and is deleted at once. One that a crash left
behind is deleted by the first write of the next run, or at its end if it writes nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.task import DocumentTask
from pulse_cli.errors import Fatal, Kind, Rejected
from pulse_cli.model import Chunk, Document, Identity, Point, Prepared, Section
from pulse_cli.payload import RunStamp, payloads
from pulse_cli.ports import STORE_REJECTED, Store

if TYPE_CHECKING:
    from pulse_cli.model import Floats

PROBE_KEY = "pulse:probe"
REFUSED_IN_A_ROW = 5
MOST_POINTS = 256


class ProbePage:
    """See the module docstring. `left_behind` holds its key while it may be in the store."""

    def __init__(self, store: Store, limiter: Limiter, stamp: RunStamp, dimension: int) -> None:
        self._store = store
        self._limiter = limiter
        self._stamp = stamp
        self._dimension = dimension
        self._refused_in_a_row = 0
        self._turn = asyncio.Lock()  # two groups at once would delete each other's page
        self.left_behind = {PROBE_KEY: ""}

    def page_was_written(self) -> None:
        """Note that the store accepts pages. What it refuses from now on is the fault of a page."""
        self._refused_in_a_row = 0

    async def judge(self, error: Rejected, tasks: Sequence[DocumentTask]) -> None:
        """Return if the documents caused `error`. Raises Fatal if the store did."""
        if error.reason != STORE_REJECTED:
            return  # a fault of the document itself, or the probe page was accepted before
        await self._compare(_probe(), error)
        if len(tasks) > 1:
            return
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= REFUSED_IN_A_ROW:
            await self._compare(_alike(tasks[0]), error)

    async def write(self) -> None:
        """Write and delete the probe page."""
        await self._write(*_probe())

    async def _compare(self, page: tuple[Prepared, list[Chunk]], error: Rejected) -> None:
        try:
            await self._limiter.run(lambda: self._write(*page))
        except Rejected as probe:
            raise Fatal(
                f"the store refuses every page, not certain ones: {error}",
                hint="change the limit or setting of the store that its answer names, then run"
                " the same command again: it goes on from here, and nothing is lost",
                kind=Kind.STORE_REFUSES,
            ) from probe

    async def _write(self, prepared: Prepared, chunks: list[Chunk]) -> None:
        points = [
            Point(chunk.id, chunk.words, payload)
            for chunk, payload in zip(chunks, payloads(prepared, chunks, self._stamp), strict=True)
        ]
        async with self._turn:
            self.left_behind = {}  # a group that ends meanwhile must not delete it
            try:
                await self._store.upsert(points, self._rows(len(points)))
                await self._store.delete_other_versions({PROBE_KEY: prepared.identity.version})
                await self._store.set_committed([prepared.identity.commit_id], True)
                await self._store.delete_pages([PROBE_KEY])
            except BaseException:
                self.left_behind = {PROBE_KEY: ""}
                raise

    def _rows(self, count: int) -> Floats:
        import numpy as np  # costs nothing here: the vectors to write are numpy arrays

        return np.ones((count, self._dimension), np.float32)


def _probe() -> tuple[Prepared, list[Chunk]]:
    return _page(Document(PROBE_KEY, "a"), [1], ["probe"])


def _alike(task: DocumentTask) -> tuple[Prepared, list[Chunk]]:
    """A page as long as this one in every field, with meaningless text."""
    document, prepared = task.document, task.prepared
    lengths = [b - a for a, b in zip(prepared.starts, prepared.ends, strict=True)][:MOST_POINTS]
    words = ["a" * len(chunk.words) for chunk in task.chunks[:MOST_POINTS]]
    page = Document(
        PROBE_KEY,
        "a",
        title=_blanked(document.title),
        description=_blanked(document.description),
    )
    return _page(page, lengths, words or ["a" * length for length in lengths])


def _blanked(text: str | None) -> str | None:
    return None if text is None else "a" * len(text)


def _page(
    document: Document, lengths: Sequence[int], words: Sequence[str]
) -> tuple[Prepared, list[Chunk]]:
    """The page with chunks of these lengths (characters), made of these words."""
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PROBE_KEY}#{n}")) for n in range(len(lengths))]
    identity = Identity(PROBE_KEY, "", "", "probe", ids[0])
    places = [0] * len(lengths)
    prepared = Prepared(document, identity, "", places, lengths, places, [Section()] * len(lengths))
    chunks = [
        Chunk(
            id=point_id,
            index=n,
            text="a" * length,
            full_text="a" * length,
            words=own,
            section="",
            tokens=1,
            start=0,
            end=length,
        )
        for n, (point_id, length, own) in enumerate(zip(ids, lengths, words, strict=True))
    ]
    return prepared, chunks
