"""Creates the collection on a Qdrant server as pulse needs it, or checks an existing one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from pulse_cli.collection_name import instead_of
from pulse_cli.errors import Fatal, Kind, NoIndex, PulseError, Rejected
from pulse_cli.payload import INDEXES, KEY, Bm25Options
from pulse_cli.store.filters import SPARSE
from pulse_cli.store.qdrant.answers import Schema, collection_names, schema, success
from pulse_cli.store.qdrant.answers import version as told_version
from pulse_cli.store.qdrant.rest import Rest

OLDEST = (1, 15, 2)  # the first that computes BM25
ADDS_VECTORS = (1, 18, 0)
MATCHES_PREFIX = (1, 19, 0)
DEFAULT_M = 16  # Qdrant's own number of graph edges per point

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CollectionOptions:
    """The layout of a new collection; an existing one stays as it is.

    `on_disk` keeps vectors on disk and `int8` their quantized copies in memory, for collections
    larger than memory. `shards` (2 to 4 per node) let several streams write at the same time.
    `bm25` says how words are weighed.
    """

    on_disk: bool = False
    int8: bool = False
    shards: int | None = None
    bm25: Bm25Options = field(default_factory=Bm25Options)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as it is. `indexing_deferred`: in bulk mode, in which no graph is built.

    `status` is the server's: green, yellow (optimizing), grey (waiting to) or red.
    """

    dimension: int
    has_sparse: bool
    version: Version
    indexing_deferred: bool = False
    status: str = "green"
    points: int = 0


async def server_version(rest: Rest) -> Version:
    """The version of the server; if it does not say, the oldest supported one."""
    answer = await rest.ask("GET", "/")
    text = rest.result(answer, "GET /", told_version)
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if match is None:
        return OLDEST
    version = int(match[1]), int(match[2]), int(match[3] or 0)
    if version < OLDEST:
        raise Fatal(
            f"Qdrant at {rest.server} is version {text}, pulse needs {_named(OLDEST)} or newer,"
            " which computes BM25 by itself",
            hint="upgrade the server (1.18.1 or newer is best)",
            kind=Kind.VERSION,
        )
    return version


def _named(version: Version) -> str:
    return ".".join(map(str, version))


async def find(rest: Rest, version: Version) -> tuple[Collection, Schema] | None:
    """The collection and its description by the server, None if there is none."""
    answer = await rest.ask("GET", "")
    if answer.status == 404 and "exist" in answer.error:
        return None
    told = rest.result(answer, "GET collection", schema)
    if "" not in told.vectors:
        names = ", ".join(sorted(told.vectors)) or "none"
        raise _unfit(rest, f"has no unnamed vector (its vectors: {names})")
    dimension, distance = told.vectors[""]
    if distance != "Cosine":
        raise _unfit(rest, f"compares vectors by {distance}; pulse needs Cosine")
    found = Collection(
        dimension=dimension,
        has_sparse=SPARSE in told.sparse,
        version=version,
        indexing_deferred=told.edges == 0,
        status=told.status,
        points=told.points,
    )
    return found, told


async def missing(rest: Rest) -> NoIndex:
    """The error for a missing collection, which names those that exist."""
    try:
        names = await rest.call("GET", "/collections", read=collection_names)
    except PulseError:  # a key may not be allowed to ask
        names = []
    return NoIndex(
        f"there is no collection {rest.collection!r} at {rest.server}",
        hint=instead_of(rest.collection, names),
    )


async def create(rest: Rest, dimension: int, options: CollectionOptions) -> None:
    """Create it. If another process has just created it, that is no error."""
    dense: dict[str, Any] = {"size": dimension, "distance": "Cosine"}
    if options.on_disk:
        dense["on_disk"] = True
    body: dict[str, Any] = {
        "vectors": dense,
        "sparse_vectors": {SPARSE: {"modifier": "idf"}},
    }
    if options.int8:
        body["quantization_config"] = {"scalar": {"type": "int8", "always_ram": True}}
    if options.shards:
        body["shard_number"] = options.shards
    try:
        await rest.call("PUT", "", body, read=success)
    except Rejected as error:
        if "already exists" not in str(error):
            raise Fatal(str(error), hint="check --collection and its settings") from error


async def complete(rest: Rest, found: Collection, told: Schema) -> None:
    """Add the sparse vector and the payload indexes where they are missing."""
    if SPARSE not in told.sparse:
        await _add_sparse(rest, found.version)
    elif told.sparse[SPARSE] != "idf":
        raise _unfit(rest, f"has a sparse vector {SPARSE!r} without the IDF modifier")
    for name, kind in INDEXES.items():
        if name not in told.indexed:
            layout: Any = kind
            if name == KEY and found.version >= MATCHES_PREFIX:
                layout = {"type": kind, "prefix": True}
            await rest.update("PUT", "index", {"field_name": name, "field_schema": layout})


async def _add_sparse(rest: Rest, version: Version) -> None:
    lacks = f"has no sparse vector {SPARSE!r} for BM25"
    if version < ADDS_VECTORS:
        raise _unfit(rest, f"{lacks}, and only a server from {_named(ADDS_VECTORS)} on can add one")
    try:
        await rest.update("PUT", f"vectors/{SPARSE}", {"sparse": {"modifier": "idf"}})
    except (Rejected, Fatal) as error:
        raise _unfit(rest, f"{lacks}, and adding it was refused: {error}") from error


async def defer_graph(rest: Rest, found: Collection) -> None:
    """Bulk mode: build no search graph while loading. Pays from about 1 million points on.

    Raises Fatal where the collection has a graph setting of its own, which would be lost.
    """
    known = await find(rest, found.version)
    edges = known[1].edges if known else None
    if edges not in (0, DEFAULT_M):
        raise Fatal(
            f"collection {rest.collection!r} has its own hnsw_config.m = {edges}",
            hint="index without --bulk",
            kind=Kind.COLLECTION,
        )
    await _set_edges(rest, 0)


async def build_graph(rest: Rest) -> None:
    """End bulk mode: the server begins to build the graph (status yellow, then green)."""
    await _set_edges(rest, DEFAULT_M)


async def _set_edges(rest: Rest, edges: int) -> None:
    await rest.call("PATCH", "", {"hnsw_config": {"m": edges}}, read=success)


def _unfit(rest: Rest, problem: str) -> Fatal:
    return Fatal(
        f"collection {rest.collection!r} at {rest.server} {problem}",
        hint="name another one with --collection",
        kind=Kind.COLLECTION,
    )
