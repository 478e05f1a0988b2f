"""The embedded store: the Qdrant engine on a folder, in a process of its own.

A write that returned is in the shard's log and survives a kill of either process; `sync`
flushes it to the disk. Before every write the free space is checked, because a full disk kills the
engine (SIGBUS), and so are the vectors, because the engine stores NaN without an error.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulse_cli.collection_name import check_name
from pulse_cli.errors import Fatal, Kind, Rejected, Unavailable
from pulse_cli.model import Filter, Hit, Point
from pulse_cli.payload import COMMITTED, RECORD_FIELDS, Bm25Options, CommitRecord, read_record
from pulse_cli.ports import WholePoints
from pulse_cli.store.disk_space import MIN_FREE_BYTES, free_bytes
from pulse_cli.store.edge.connection import Answered
from pulse_cli.store.edge.refusals import translate
from pulse_cli.store.edge.session import Session
from pulse_cli.store.filters import (
    committed_records,
    condition,
    fields,
    of_other_versions,
    of_pages,
    of_versions,
)
from pulse_cli.store.vectors import checked
from pulse_cli.store.whole_points import (
    MOST_VALUES,
    WHOLE_BATCH,
    no_payload_index,
    whole_point,
)

if TYPE_CHECKING:
    from pulse_cli.model import Floats

OPTIMIZE_FROM = 20_000
OPTIMIZE_DEADLINE_S = 24 * 3600.0
SCROLL_BATCH = 512
ALL = Filter()


class EdgeStore:
    """See `open_edge`."""

    def __init__(
        self,
        path: Path,
        *,
        create: bool,
        lock_wait: float,
        min_free: int,
        deadline: float,
        bm25: Bm25Options,
    ) -> None:
        self.path = path
        self.dimension = 0
        self.has_sparse = True
        self._bm25 = asdict(bm25)
        self._create = create
        self._lock_wait = lock_wait
        self._min_free = min_free
        self._session = Session(path, deadline=deadline)

    @property
    def in_flight(self) -> int:
        return 2  # one at work, one waiting in the socket

    @property
    def pid(self) -> int | None:
        """The owner of the collection, while this store is connected to it."""
        return self._session.pid

    async def open(self, dimension: int) -> None:
        """Create the shard, or open it and compare; dimension 0 takes what is there."""
        if self._create:
            self._check_space(0)
        try:
            found = await self._session.open(create=self._create, dimension=dimension)
        except Answered as error:
            raise self._opening_error(error) from error
        self.dimension, self.has_sparse = found["dimension"], found["sparse"]
        if found["distance"] != "Cosine" or dimension not in (0, self.dimension):
            raise Fatal(
                f"the index {self.path} holds {self.dimension}-dimensional vectors compared by "
                f"{found['distance']}; this run needs {dimension} dimensions and Cosine",
                hint="name another --collection, or the embedder it was made with",
                kind=Kind.DIMENSION,
            )

    def _opening_error(self, error: Answered) -> Fatal:
        known = translate(error, self.path)
        if isinstance(known, Fatal):
            return known
        return Fatal(
            f"{self.path} cannot be opened as an index: {error}",
            hint="name another --collection, or move that folder away and index again",
            kind=Kind.STORE,
        )

    def _check_space(self, size: int) -> None:
        free, needed = free_bytes(self.path), max(self._min_free, 2 * size)
        if free < needed:
            raise Unavailable(
                f"the disk of {self.path} has {free >> 20} MiB left; "
                f"the embedded store stops below {needed >> 20} MiB",
                hint="make room, then run the same command again: it goes on from here",
                kind=Kind.DISK_FULL,
            )

    async def _read(self, op: str, body: bytes | memoryview = b"", **request: Any) -> Any:
        try:
            return await self._session.call({"op": op, **request}, body)
        except Answered as error:
            raise translate(error, self.path) from error

    async def _write(self, op: str, body: bytes | memoryview = b"", **request: Any) -> None:
        self._check_space(len(body))
        await self._read(op, body, **request)

    async def lookup(self, ids: Sequence[str]) -> dict[str, CommitRecord]:
        if not ids:
            return {}
        found = await self._read("retrieve", ids=list(ids), payload=list(RECORD_FIELDS))
        return {one["id"]: read_record(one["id"], one["payload"]) for one in found}

    async def committed(self, keys: Sequence[str]) -> list[CommitRecord]:
        if not keys:
            return []
        batches = self._scroll(RECORD_FIELDS, committed_records(keys))
        return [read_record(hit.id, hit.payload) async for hits in batches for hit in hits]

    async def set_committed(self, ids: Sequence[str], committed: bool) -> None:
        if ids:
            await self._write("payload", payload={COMMITTED: committed}, ids=list(ids))

    async def upsert(self, points: Sequence[Point], rows: Floats) -> None:
        if not points:
            return
        rows = checked(rows, self.dimension)
        described = [
            {"id": point.id, "words": point.words, "payload": point.payload} for point in points
        ]
        try:
            await self._write("upsert", rows.data.cast("B"), points=described, bm25=self._bm25)
        except TypeError as error:
            raise Rejected(f"a payload is not JSON: {error}", reason="bad-payload") from error

    async def delete_pages(self, keys: Sequence[str]) -> None:
        if keys:
            await self._write("delete", filter=of_pages(keys))

    async def delete_versions(self, versions: Mapping[str, str]) -> None:
        if versions:
            await self._write("delete", filter=of_versions(versions))

    async def delete_other_versions(self, versions: Mapping[str, str]) -> None:
        if versions:
            await self._write("delete", filter=of_other_versions(versions))

    async def sync(self) -> None:
        await self._read("flush")

    async def begin_load(self, *, bulk: bool, run_id: str = "") -> None:  # noqa: ARG002
        """Get the right to write. `bulk` changes nothing: only `end_load` builds the graph."""
        try:
            await self._session.claim(self._lock_wait, run_id)
        except Answered as error:
            raise translate(error, self.path) from error

    async def end_load(self) -> None:
        await self.optimize()

    async def release(self) -> None:
        try:
            await self._session.release()
        except Answered as error:
            raise translate(error, self.path) from error

    async def optimize(self) -> bool:
        """Build the search graph and reclaim deleted space. Returns whether anything was done.

        Below 20,000 points, or the engine's own limit of 10 MB of vectors, it does nothing: a plain
        scan of so many takes 2 ms. It takes about 40 s per 100,000 points on two cores. To be
        called after a complete run, when no other request is in flight.
        """
        if await self.count() < OPTIMIZE_FROM:
            return False
        self._check_space(0)
        return bool(await self._session.call({"op": "optimize"}, deadline=OPTIMIZE_DEADLINE_S))

    async def nearest(self, vector: Floats, limit: int, where: Filter) -> list[Hit]:
        if len(vector) != self.dimension:
            raise Fatal(
                f"the query has {len(vector)} dimensions, the index {self.path} {self.dimension}",
                hint="search with the embedder that it was made with",
                kind=Kind.DIMENSION,
            )
        body = vector.astype("<f4").data.cast("B")
        return await self._query(None, body, limit, where)

    async def matching(self, words: str, limit: int, where: Filter) -> list[Hit]:
        if not self.has_sparse:
            raise Rejected(f"{self.path} holds no BM25 terms", reason="no-sparse-vector")
        return await self._query(words, b"", limit, where)

    async def _query(
        self, words: str | None, body: bytes | memoryview, limit: int, where: Filter
    ) -> list[Hit]:
        found = await self._read(
            "query", body, words=words, bm25=self._bm25, limit=limit, filter=condition(where)
        )
        return [Hit(str(hit["id"]), hit["score"], hit["payload"] or {}) for hit in found]

    def scroll(self, names: Sequence[str] | None, where: Filter) -> AsyncIterator[list[Hit]]:
        return self._scroll(names, condition(where))

    async def _scroll(
        self, names: Sequence[str] | None, where: dict[str, Any] | None
    ) -> AsyncIterator[list[Hit]]:
        offset = None
        while True:
            records, offset = await self._read(
                "scroll", filter=where, limit=SCROLL_BATCH, offset=offset, payload=fields(names)
            )
            if records:
                yield [Hit(str(found["id"]), 0.0, found["payload"] or {}) for found in records]
            if offset is None:
                return

    async def whole_points(
        self, where: Filter, after: str | int | None = None
    ) -> AsyncIterator[WholePoints]:
        wanted, offset = condition(where), after
        while True:
            found = await self._read("points", filter=wanted, limit=WHOLE_BATCH, offset=offset)
            offset = found["following"]
            if found["points"]:
                rows = np.frombuffer(found["rows"], "<f4").reshape(-1, self.dimension)
                yield WholePoints([whole_point(one) for one in found["points"]], rows, offset)
            if offset is None:
                return

    async def facet(self, field: str, where: Filter) -> dict[str | int | bool, int]:
        try:
            wanted = condition(where)
            found = await self._read("facet", field=field, limit=MOST_VALUES, filter=wanted)
        except Rejected as error:
            raise no_payload_index(error) from error
        return dict(found)

    async def count(self, where: Filter = ALL) -> int:
        return int(await self._read("count", filter=condition(where)))

    async def ready(self) -> bool:
        try:
            await self._session.call({"op": "count", "filter": None}, deadline=10.0)
        except Exception:
            return False
        return True

    async def close(self) -> None:
        await self._session.close()


def open_edge(
    folder: str | Path,
    collection: str,
    *,
    create: bool = True,
    lock_wait: float = 30.0,
    min_free: int = MIN_FREE_BYTES,
    deadline: float = 60.0,
    bm25: Bm25Options | None = None,
) -> EdgeStore:
    """The store of `collection` in `folder`; nothing is touched before its `open`.

    Without `create` a missing collection is Fatal. `lock_wait` is how many seconds to wait for
    another process that writes (then Locked is raised), `min_free` the bytes that must stay free
    on the disk, `deadline` the seconds after which the owner counts as stuck.
    """
    path = Path(folder).expanduser().absolute() / check_name(collection)
    return EdgeStore(
        path,
        create=create,
        lock_wait=lock_wait,
        min_free=min_free,
        deadline=deadline,
        bm25=bm25 or Bm25Options(),
    )
