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
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulse_cli.engine.faultpoints import fault_point
from pulse_cli.engine.limiter import Limiter
from pulse_cli.errors import Rejected
from pulse_cli.model import Chunk, Commit, Identity, Point, Prepared
from pulse_cli.ports import Store

if TYPE_CHECKING:
    from pulse_cli.model import Floats


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

    def __init__(self, store: Store, limiter: Limiter, stamp: RunStamp) -> None:
        self._store = store
        self._limiter = limiter
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
            await self._limiter.run(lambda: self._store.invalidate(ids))
        fault_point("commit-invalidated")

    async def body(self, points: Sequence[Point]) -> None:
        """Step 1."""
        if points:
            await self._limiter.run(lambda: self._store.upsert(points))
        fault_point("commit-body-written")

    async def finish(
        self, identities: Sequence[Identity], commits: Sequence[Point], keep: Sequence[str]
    ) -> None:
        """Steps 2 and 3. `keep` are the ids of all points of these documents."""
        keys = [identity.key for identity in identities]
        await self._limiter.run(lambda: self._store.delete_stale(keys, keep))
        fault_point("commit-stale-deleted")
        await self._limiter.run(lambda: self._store.upsert(commits))
        fault_point("commit-done")

    async def remove(self, identity: Identity) -> None:
        """Delete all points of a document that turned out dead after a write began."""
        await self._limiter.run(lambda: self._store.delete_stale([identity.key], []))

    def points(
        self, prepared: Prepared, chunks: Sequence[Chunk], rows: Sequence[Floats]
    ) -> list[Point]:
        """The points of these chunks; `rows` holds their vectors."""
        own = payloads(prepared, chunks, self.stamp)
        return [
            Point(chunk.id, row, chunk.terms, payload)
            for chunk, row, payload in zip(chunks, rows, own, strict=True)
        ]
