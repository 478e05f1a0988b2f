"""Creates the collection on a Qdrant server as pulse needs it, or checks an existing one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from pulse_cli.collection_name import instead_of
from pulse_cli.errors import Fatal, Kind, NoIndex, Rejected
from pulse_cli.payload import INDEXES, KEY, Bm25Options
from pulse_cli.store.filters import SPARSE
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
    found = rest.result(answer, "GET /")
    text = str(found.get("version", "")) if isinstance(found, dict) else ""
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


async def find(rest: Rest, version: Version) -> tuple[Collection, dict[str, Any]] | None:
    """The collection and what the server says of it, None if there is none."""
    answer = await rest.ask("GET", "")
    if answer.status == 404 and "exist" in answer.error:
        return None
    info = rest.result(answer, "GET collection")
    config = info["config"]
    vectors = config["params"].get("vectors") or {}
    dense = vectors if "size" in vectors else vectors.get("")
    if dense is None:
        names = ", ".join(sorted(vectors)) or "none"
        raise _unfit(rest, f"has no unnamed vector (its vectors: {names})")
    if dense["distance"] != "Cosine":
        raise _unfit(rest, f"compares vectors by {dense['distance']}; pulse needs Cosine")
    found = Collection(
        dimension=dense["size"],
        has_sparse=SPARSE in (config["params"].get("sparse_vectors") or {}),
        version=version,
        indexing_deferred=config.get("hnsw_config", {}).get("m") == 0,
        status=str(info.get("status", "")),
        points=info.get("points_count") or 0,
    )
    return found, info


async def missing(rest: Rest) -> NoIndex:
    """The error for a missing collection, which names those that exist."""
    answer = await rest.ask("GET", "/collections")
    found = answer.result.get("collections") if isinstance(answer.result, dict) else None
    names = [one.get("name") for one in found or [] if isinstance(one, dict)]
    return NoIndex(
        f"there is no collection {rest.collection!r} at {rest.server}",
        hint=instead_of(rest.collection, sorted(name for name in names if isinstance(name, str))),
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
        await rest.call("PUT", "", body)
    except Rejected as error:
        if "already exists" not in str(error):
            raise Fatal(str(error), hint="check --collection and its settings") from error


async def complete(rest: Rest, found: Collection, info: dict[str, Any]) -> None:
    """Add the sparse vector and the payload indexes where they are missing."""
    sparse = (info["config"]["params"].get("sparse_vectors") or {}).get(SPARSE)
    if sparse is None:
        await _add_sparse(rest, found.version)
    elif sparse.get("modifier") != "idf":
        raise _unfit(rest, f"has a sparse vector {SPARSE!r} without the IDF modifier")
    for name, kind in INDEXES.items():
        if name not in info.get("payload_schema", {}):
            schema: Any = kind
            if name == KEY and found.version >= MATCHES_PREFIX:
                schema = {"type": kind, "prefix": True}
            await rest.update("PUT", "index", {"field_name": name, "field_schema": schema})


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
    edges = known[1]["config"].get("hnsw_config", {}).get("m") if known else None
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
    await rest.call("PATCH", "", {"hnsw_config": {"m": edges}})


def _unfit(rest: Rest, problem: str) -> Fatal:
    return Fatal(
        f"collection {rest.collection!r} at {rest.server} {problem}",
        hint="name another one with --collection",
        kind=Kind.COLLECTION,
    )
