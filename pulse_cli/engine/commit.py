"""The order in which documents are written, which makes every crash harmless.

Each step is `completed` before the next begins:

0. where a chunk 0 exists, its `content_hash` is set to null;
1. chunks 1..n-1 are upserted;
2. all other points of these pages are deleted;
3. chunk 0 is upserted: the commit record.

So whoever reads a chunk 0 with today's `content_hash` and `rev` knows that the document is
whole and alone in the store. Without step 0, a write cut short and then undone by the old
version of the page coming back would look unchanged for ever; without step 2, a longer
write cut short would leave orphans. Step 2 also removes the random-id doubles that the
original service left.

A store that keeps failing at these documents is compared with itself: if time and again it
takes a harmless page and then fails at them, they are to blame as if it had refused them;
if it does not take that either, the store is in trouble and is waited for. The harmless page
is deleted at once; one left behind by a crash goes with the first write of the next run, or at
its end if it writes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.limiter import Limiter
from pulse_cli.errors import Rejected
from pulse_cli.model import Chunk, Commit, Document, Identity, Point, Prepared, Terms
from pulse_cli.ports import Store

if TYPE_CHECKING:
    from pulse_cli.model import Floats

PROBE = "pulse:harmless"  # the key of a page that any store in working order takes
# A group that fails is halved at little cost; a document alone is given about 25 s, for a
# part of the store may be gone for a moment.
COMPARED_TOGETHER, COMPARED_ALONE = 2, 8


@dataclass(frozen=True, slots=True)
class RunStamp:
    """What a run writes into every payload. `indexed_at` is RFC 3339, the start of the run."""

    run_id: str
    indexed_at: str
    rev: str


@dataclass(frozen=True, slots=True)
class Writable:
    """A document with all its vectors. `exists`: its chunk 0 is in the store already."""

    prepared: Prepared
    chunks: Sequence[Chunk]
    rows: Sequence[Floats]
    exists: bool

    @property
    def identity(self) -> Identity:
        return self.prepared.identity


def payloads(prepared: Prepared, chunks: Sequence[Chunk], stamp: RunStamp) -> list[dict[str, Any]]:
    """The payloads of these chunks: the original service's keys, then those pulse adds."""
    document, identity = prepared.document, prepared.identity
    shared = {
        "url": document.url,
        "canonical_url": identity.key,
        "title": document.title,
        "description": document.description,
        "domain": identity.domain,
        "language": document.language,
        "country": document.country,
        "isMobile": document.is_mobile,
        "source_url": document.source_url,
        "chunk_count": len(prepared.starts),
        "doc_tokens": sum(prepared.counts),
        "content_hash": identity.content_hash,
        "rev": stamp.rev,
        "indexed_at": stamp.indexed_at,
        "run_id": stamp.run_id,
    }
    return [
        {
            **shared,
            "text": chunk.text,
            "chunk_index": chunk.index,
            "token_count": chunk.tokens,
            "char_start": chunk.start,
            "char_end": chunk.end,
        }
        for chunk in chunks
    ]


def is_current(commit: Commit | None, identity: Identity, rev: str) -> bool:
    """Whether the store holds exactly this version of the document, whole."""
    return commit is not None and (commit.content_hash, commit.rev) == (identity.content_hash, rev)


class Committer:
    """Writes documents in the order above, through the store's limiter."""

    def __init__(self, store: Store, limiter: Limiter, stamp: RunStamp, dimension: int) -> None:
        self._store = store
        self._limiter = limiter
        self._dimension = dimension
        self._left_behind = [PROBE]
        self.stamp = stamp

    async def lookup(self, identities: Sequence[Identity]) -> dict[str, Commit]:
        ids = [identity.commit_id for identity in identities]
        return await self._limiter.run(lambda: self._store.lookup(ids))

    async def write(
        self,
        documents: Sequence[Writable],
        written: Callable[[Writable], None],
        refused: Callable[[Writable, Rejected], None],
    ) -> None:
        """Write documents; those refused by the store are found by halving the group.

        Each document ends in one call of `written` or `refused`. Repeating a write is
        harmless, so the halves simply go through all steps again.
        """
        if not documents:
            return
        try:
            await self._write(documents)
        except Rejected as error:
            if len(documents) == 1:
                with suppress(Rejected):  # then it stays with a hash of null: not whole
                    await self.remove(documents[0].identity)
                refused(documents[0], error)
                return
            half = len(documents) // 2
            await self.write(documents[:half], written, refused)
            await self.write(documents[half:], written, refused)
            return
        for document in documents:
            written(document)

    async def _write(self, documents: Sequence[Writable]) -> None:
        await self.begin([d.identity for d in documents if d.exists])
        points = [self.points(d.prepared, d.chunks, d.rows) for d in documents]
        await self.body([point for own in points for point in own[1:]])
        await self.finish(
            [d.identity for d in documents],
            [own[0] for own in points],
            [point.id for own in points for point in own],
        )

    async def begin(self, existing: Sequence[Identity]) -> None:
        """Step 0."""
        if existing:
            ids = [identity.commit_id for identity in existing]
            await self._send(lambda: self._store.invalidate(ids), alone=len(ids) == 1)
        fault_point("commit-invalidated")

    async def body(self, points: Sequence[Point]) -> None:
        """Step 1."""
        if points:
            first, last = (points[at].payload["canonical_url"] for at in (0, -1))
            await self._send(lambda: self._store.upsert(points), alone=first == last)
        fault_point("commit-body-written")

    async def finish(
        self, identities: Sequence[Identity], commits: Sequence[Point], keep: Sequence[str]
    ) -> None:
        """Steps 2 and 3. `keep` are the ids of all points of these documents."""
        alone = len(identities) == 1
        await self._delete_stale([identity.key for identity in identities], keep, alone=alone)
        fault_point("commit-stale-deleted")
        await self._send(lambda: self._store.upsert(commits), alone=alone)
        fault_point("commit-done")

    async def remove(self, identity: Identity) -> None:
        """Delete all points of a document that turned out dead after a write began."""
        await self._delete_stale([identity.key], [], alone=True)

    async def tidy(self) -> None:
        """Delete what an earlier run may have left behind, if nothing was written since."""
        if self._left_behind:
            await self._delete_stale([], [], alone=False)

    async def _delete_stale(self, keys: Sequence[str], keep: Sequence[str], *, alone: bool) -> None:
        left, self._left_behind = self._left_behind, []
        try:
            every = [*keys, *left]
            await self._send(lambda: self._store.delete_stale(every, keep), alone=alone)
        except BaseException:
            self._left_behind = [PROBE]
            raise

    async def _send(self, call: Callable[[], Awaitable[None]], *, alone: bool) -> None:
        """One request of a write. Raises Rejected where its documents are to blame."""
        comparisons = COMPARED_ALONE if alone else COMPARED_TOGETHER
        await self._limiter.run(call, control=self._write_probe, comparisons=comparisons)

    async def _write_probe(self) -> None:
        try:
            await self._store.upsert([_probe_point(self.stamp, self._dimension)])
            await self._store.delete_stale([PROBE], [])
        except BaseException:
            self._left_behind = [PROBE]
            raise

    def points(
        self, prepared: Prepared, chunks: Sequence[Chunk], rows: Sequence[Floats]
    ) -> list[Point]:
        """The points of these chunks; `rows` holds their vectors."""
        own = payloads(prepared, chunks, self.stamp)
        return [
            Point(chunk.id, row, chunk.terms, payload)
            for chunk, row, payload in zip(chunks, rows, own, strict=True)
        ]


def _probe_point(stamp: RunStamp, dimension: int) -> Point:
    import numpy as np  # loaded long since: there are vectors to write

    identity = Identity(PROBE, "", "", str(uuid.uuid5(uuid.NAMESPACE_URL, PROBE)))
    chunk = Chunk(identity.commit_id, 0, "a", 1, 0, 1, Terms([1], [1.0]))
    page = Prepared(Document(PROBE, "a"), identity, "a", [0], [1], [1])
    (payload,) = payloads(page, [chunk], stamp)
    return Point(chunk.id, np.ones(dimension, np.float32), chunk.terms, payload)
