"""The operations of the owner on an open collection.

Each operation is a function of the collection, the header of the request and its body, and
returns a JSON value. `protocol.py` says how to add one. Errors are not caught here: `failure`
translates them for the client.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge

from pulse_cli.payload import INDEXES, KEY, LANGUAGE
from pulse_cli.store.bm25 import weighed
from pulse_cli.store.edge.folder import CollectionFolder
from pulse_cli.store.edge.shard import Shard
from pulse_cli.store.edge.word_search import WordSearch
from pulse_cli.store.filters import SPARSE
from pulse_cli.store.page_languages import bm25_language

Request = dict[str, Any]


class Gone(Exception):
    """The folder that was opened has been removed, or replaced by another."""


class Collection:
    """The collection in `folder`, opened by the first client that asks for it. Blocking."""

    def __init__(self, folder: CollectionFolder) -> None:
        self.folder = folder
        self._shard: Shard | None = None
        self._opened: os.stat_result | None = None
        self.by_words = WordSearch()

    @property
    def shard(self) -> Shard:
        """The open shard. Raises Gone where another one is on the disk now."""
        if self._shard is None:
            raise FileNotFoundError(self.folder.shard)
        self._check_there()
        return self._shard

    @property
    def dense(self) -> dict[str, Any]:
        """`size` and `distance` of the dense vectors."""
        return self.shard.vectors.get("", {})

    def open(self, *, create: bool, dimension: int) -> None:
        """Open it, or create it. Raises FileNotFoundError where it may not be created."""
        if self._shard is None:
            if self.folder.exists():
                self._shard = Shard.load(self.folder.shard)
            elif create:
                self.folder.renew_identity()
                vectors = {"": (dimension, "Cosine")}
                self._shard = Shard.create(self.folder.shard, vectors, (SPARSE,))
            else:
                raise FileNotFoundError(self.folder.shard)
            self._opened = self.folder.shard.stat()
        if create:
            self._complete()

    def _complete(self) -> None:
        """Add what is missing after a crash while creating, or from an older version."""
        if SPARSE not in self.shard.sparse:
            self.shard.add_sparse(SPARSE)
        for field in sorted(set(INDEXES) - self.shard.indexed()):
            self.shard.create_index(field, INDEXES[field], prefix=field == KEY)

    def _check_there(self) -> None:
        assert self._opened is not None
        try:
            if os.path.samestat(self._opened, self.folder.shard.stat()):
                return
        except OSError:
            pass
        raise Gone(f"{self.folder.path} was removed or replaced while it was open")

    def close(self) -> None:
        """Flush and close it. A folder that was removed meanwhile is not written again."""
        if self._shard is None:
            return
        try:
            self._check_there()
        except Gone:
            return
        self._shard.close()


def _open(collection: Collection, request: Request, _: bytes) -> Request:
    collection.open(create=request["create"], dimension=request["dimension"])
    return {
        "dimension": collection.dense.get("size", 0),
        "distance": collection.dense.get("distance"),
        "sparse": SPARSE in collection.shard.sparse,
        "identity": collection.folder.identity(),
    }


def _upsert(collection: Collection, request: Request, body: bytes) -> None:
    size = collection.dense.get("size", 0)
    numbers = memoryview(body).cast("f").tolist()
    bm25 = request["bm25"]
    made = []
    for number, point in enumerate(request["points"]):
        vector: dict[str, Any] = {"": numbers[number * size : (number + 1) * size]}
        words, page = point["words"], point["payload"].get(LANGUAGE)
        language = bm25_language(page, bm25["language"])
        weights = (
            weighed(words, {**bm25, "language": language})
            if isinstance(words, str)
            else edge.SparseVector(words["indices"], words["values"])
        )
        if weights.indices:
            vector[SPARSE] = weights
        made.append(edge.Point(point["id"], vector, point["payload"]))
    collection.shard.upsert(made)
    collection.by_words.wrote(point["payload"] for point in request["points"])


def _query(collection: Collection, request: Request, body: bytes) -> list[Request]:
    shard, where, limit = collection.shard, request["filter"], request["limit"]
    if (words := request["words"]) is not None:
        return collection.by_words.query(shard, words, request["bm25"], where, limit)
    vector: Any = memoryview(body).cast("f").tolist()
    return shard.query(vector, "", where, limit, True)


def _points(collection: Collection, request: Request, _: bytes) -> Request:
    """Points with payload and BM25 weights; their vectors are `rows`, in the same order."""
    found, following = collection.shard.scroll(
        request["filter"], request["limit"], request["offset"], True, True
    )
    rows = array("f")
    for record in found:
        vectors = record.pop("vector")
        rows.extend(vectors[""])
        record["bm25"] = vectors.get(SPARSE)
    return {"points": found, "following": following, "rows": rows.tobytes()}


def _flush(collection: Collection, _: Request, __: bytes) -> None:
    shard = collection.shard
    try:
        shard.flush()
    except Exception as error:  # whatever the text, the cause is the disk
        raise OSError(str(error)) from error


@dataclass(frozen=True)
class Operation:
    """`writes`: it waits for its turn as a write. `claims`: only the writer may request it."""

    run: Callable[[Collection, Request, bytes], Any]
    writes: bool = False
    claims: bool = False


READS: dict[str, Operation] = {
    "open": Operation(_open),
    "query": Operation(_query),
    "retrieve": Operation(lambda c, r, _: c.shard.retrieve(r["ids"], r["payload"])),
    "scroll": Operation(
        lambda c, r, _: c.shard.scroll(r["filter"], r["limit"], r["offset"], r["payload"])
    ),
    "points": Operation(_points),
    "facet": Operation(lambda c, r, _: c.shard.facet(r["field"], r["limit"], r["filter"])),
    "count": Operation(lambda c, r, _: c.shard.count(r["filter"])),
}
WRITES: dict[str, Operation] = {
    "upsert": Operation(_upsert, writes=True, claims=True),
    "delete": Operation(lambda c, r, _: c.shard.delete(r["filter"]), writes=True, claims=True),
    "payload": Operation(
        lambda c, r, _: c.shard.set_payload_ids(r["payload"], r["ids"]), writes=True, claims=True
    ),
    "optimize": Operation(lambda c, _, __: c.shard.optimize(), writes=True, claims=True),
    "flush": Operation(_flush, writes=True),
    "claim": Operation(lambda _, __, ___: None, writes=True, claims=True),
    "release": Operation(lambda _, __, ___: None, writes=True),  # done by the owner itself
}
OPERATIONS = READS | WRITES

_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (Gone, "gone"),
    (FileNotFoundError, "missing"),
    (OSError, "os"),
)


def failure(error: Exception) -> dict[str, str]:
    """The error for the client: `kind` is gone, missing, os (the disk) or engine."""
    kind = next((name for cls, name in _KINDS if isinstance(error, cls)), "engine")
    return {"error": str(error), "kind": kind}
