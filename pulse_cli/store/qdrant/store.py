"""The store on a Qdrant server (1.15.2 or newer), over its REST API.

Every write waits until the server has written it to its log and applied it (`wait=true`), so
one that returned needs no `sync`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pulse_cli.collection_name import check_name
from pulse_cli.errors import Fatal, Kind, Rejected
from pulse_cli.model import Filter, Hit, Point
from pulse_cli.payload import COMMITTED, RECORD_FIELDS, CommitRecord, read_record
from pulse_cli.ports import WholePoints
from pulse_cli.store.filters import (
    SPARSE,
    committed_records,
    of_other_versions,
    of_pages,
    of_versions,
)
from pulse_cli.store.qdrant import collection as layout
from pulse_cli.store.qdrant.answers import retrieved, success
from pulse_cli.store.qdrant.bm25 import Queries
from pulse_cli.store.qdrant.collection import Collection, CollectionOptions
from pulse_cli.store.qdrant.limits import RequestLimits
from pulse_cli.store.qdrant.reads import Reads
from pulse_cli.store.qdrant.rest import Rest
from pulse_cli.store.qdrant.upserts import Upserts
from pulse_cli.store.vectors import checked

if TYPE_CHECKING:
    from pulse_cli.model import Floats

STREAMS = 8  # requests in flight, to hide the latency of a slow server; the limiter uses fewer
ALL = Filter()


class QdrantStore:
    """See `open_qdrant`. `found` tells of the collection once it is open."""

    found: Collection

    def __init__(self, rest: Rest, *, create: bool, options: CollectionOptions) -> None:
        self._rest = rest
        self._create = create
        self._options = options
        self._limits = RequestLimits()
        self._reads = Reads(rest, self._limits)
        self._upserts = Upserts(rest, self._limits, options.bm25)
        self._queries = Queries(self._reads, options.bm25)

    @property
    def in_flight(self) -> int:
        return max(STREAMS, self._options.shards or 1)

    @property
    def collection(self) -> str:
        return self._rest.collection

    @property
    def dimension(self) -> int:
        return self.found.dimension

    @property
    def has_sparse(self) -> bool:
        return self.found.has_sparse

    async def open(self, dimension: int) -> None:
        """Create the collection, or compare it; dimension 0 takes what is there."""
        try:
            with self._rest.client.first_contact():
                await self._open(dimension)
        except Rejected as error:
            raise Fatal(str(error), hint="check --qdrant and --collection") from error

    async def _open(self, dimension: int) -> None:
        version = await layout.server_version(self._rest)
        known = await layout.find(self._rest, version)
        if known is None and self._create:
            await layout.create(self._rest, dimension, self._options)
            known = await layout.find(self._rest, version)
        if known is None:
            raise await layout.missing(self._rest)
        self.found, schema = known
        self._limits.read(schema.config)
        self._reads.matches_prefix = version >= layout.MATCHES_PREFIX
        self._check_dimension(dimension or self.dimension, "this run")
        if self._create:
            await layout.complete(self._rest, self.found, schema)
            await self.refresh()

    async def refresh(self) -> Collection:
        """Look at the collection again: its status, its size, whether bulk mode is on."""
        known = await layout.find(self._rest, self.found.version)
        if known is None:
            raise Fatal(f"collection {self._rest.collection!r} is gone", kind=Kind.NOT_FOUND)
        self.found = known[0]
        return self.found

    def _check_dimension(self, dimension: int, what: str) -> None:
        if dimension != self.dimension:
            raise Fatal(
                f"collection {self._rest.collection!r} at {self._rest.server} holds "
                f"{self.dimension}-dimensional vectors; {what} has {dimension} dimensions",
                hint="name another --collection, or the embedder it was made with",
                kind=Kind.DIMENSION,
            )

    async def lookup(self, ids: Sequence[str]) -> dict[str, CommitRecord]:
        if not ids:
            return {}
        body = {"ids": list(ids), "with_payload": list(RECORD_FIELDS), "with_vector": False}
        found = await self._rest.call("POST", "points", body, read=retrieved)
        return {one: read_record(one, payload) for one, payload in found}

    async def committed(self, keys: Sequence[str]) -> list[CommitRecord]:
        found: list[CommitRecord] = []

        async def read(some: Sequence[str]) -> None:
            async for hits in self._reads.scroll_by(RECORD_FIELDS, committed_records(some)):
                found.extend(read_record(hit.id, hit.payload) for hit in hits)

        await self._in_pieces(keys, read)
        return found

    async def set_committed(self, ids: Sequence[str], committed: bool) -> None:
        if ids:
            body = {"payload": {COMMITTED: committed}, "points": list(ids)}
            await self._rest.update("POST", "points/payload", body)

    async def upsert(self, points: Sequence[Point], rows: Floats) -> None:
        if points:
            await self._upserts.send(points, checked(rows, self.dimension))

    async def delete_pages(self, keys: Sequence[str]) -> None:
        await self._in_pieces(keys, lambda some: self._delete(of_pages(some)))

    async def delete_versions(self, versions: Mapping[str, str]) -> None:
        await self._in_pieces(
            [*versions], lambda some: self._delete(of_versions({k: versions[k] for k in some}))
        )

    async def delete_other_versions(self, versions: Mapping[str, str]) -> None:
        await self._in_pieces(
            [*versions],
            lambda some: self._delete(of_other_versions({k: versions[k] for k in some})),
        )

    async def _delete(self, which: dict[str, Any]) -> None:
        await self._rest.update("POST", "points/delete", {"filter": which})

    async def _in_pieces(
        self, keys: Sequence[str], request: Callable[[Sequence[str]], Awaitable[None]]
    ) -> None:
        """Requests with as many keys each as the server takes in a filter, all repeatable."""
        at = 0
        while at < len(keys):
            some = keys[at : at + self._limits.values]
            try:
                await request(some)
            except Rejected as error:
                if not self._limits.learn("values", str(error)):
                    raise
            else:
                at += len(some)

    async def sync(self) -> None:
        """Nothing to do: the server flushed its log before each write was answered."""

    async def nearest(self, vector: Floats, limit: int, where: Filter) -> list[Hit]:
        self._check_dimension(len(vector), "the query")
        return await self._reads.best({"query": vector.astype("<f4")}, limit, where)

    async def matching(self, words: str, limit: int, where: Filter) -> list[Hit]:
        if not self.has_sparse:
            raise Rejected(
                f"collection {self._rest.collection!r} has no sparse vector {SPARSE!r}",
                reason="no-sparse-vector",
            )
        if not words:
            return []
        query = await self._queries.query(words, where)
        return await self._reads.best({"query": query, "using": SPARSE}, limit, where)

    def scroll(self, names: Sequence[str] | None, where: Filter) -> AsyncIterator[list[Hit]]:
        return self._reads.scroll(names, where)

    def whole_points(
        self, where: Filter, after: str | int | None = None
    ) -> AsyncIterator[WholePoints]:
        return self._reads.whole_points(where, after, self.dimension)

    async def facet(self, field: str, where: Filter) -> dict[str | int | bool, int]:
        return await self._reads.facet(field, where)

    async def count(self, where: Filter = ALL) -> int:
        return await self._reads.count(where)

    async def ready(self) -> bool:
        return await self._rest.client.answers("/readyz", range(200, 201))

    async def release(self) -> None:
        """Nothing to do: a server lets several clients write at the same time."""

    async def begin_load(self, *, bulk: bool, run_id: str = "") -> None:  # noqa: ARG002
        if bulk and not self.found.indexing_deferred:
            await layout.defer_graph(self._rest, self.found)
            await self.refresh()

    async def end_load(self) -> None:
        """End bulk mode; after a bulk load that was killed, the next complete run does it."""
        if self.found.indexing_deferred:
            await layout.build_graph(self._rest)
            await self.refresh()

    async def drop(self) -> None:
        """Remove the collection with all its points."""
        await self._rest.call("DELETE", "", read=success)

    async def close(self) -> None:
        await self._rest.close()


def open_qdrant(
    url: str,
    collection: str,
    *,
    api_key: str | None = None,
    timeout: float = 60.0,
    trust_env: bool = False,
    create: bool = True,
    options: CollectionOptions | None = None,
) -> QdrantStore:
    """The store of `collection` at `url`; nothing is asked before its `open`.

    `timeout` is the total time of one request in seconds. Without `create` the collection
    is opened as it is: a missing one is Fatal, a missing sparse vector only known
    (`has_sparse`). User-info in `url` is sent as basic authentication.
    """
    rest = Rest(url, check_name(collection), api_key=api_key, timeout=timeout, trust_env=trust_env)
    return QdrantStore(rest, create=create, options=options or CollectionOptions())
