"""Checks of the store: does it exist, does it fit the embedder, is it in good order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from pulse_cli.doctor.finding import Finding, error, ok, warning
from pulse_cli.errors import Fatal, Locked, NoIndex
from pulse_cli.model import Filter, Hit
from pulse_cli.store.edge.store import EdgeStore
from pulse_cli.store.qdrant.collection import ADDS_VECTORS, MATCHES_PREFIX
from pulse_cli.store.qdrant.store import QdrantStore

if TYPE_CHECKING:
    from pulse_cli.ports import Store
    from pulse_cli.wiring import Services


async def store(
    services: Services, dimension: int | None, rev: str | None
) -> AsyncIterator[Finding]:
    """All checks of the store. `dimension` and `rev` are those of the settings, None if unknown.

    Raises Transient, Rejected, Fatal where it does not answer.
    """
    settings = services.settings
    name = settings.qdrant.collection
    try:
        found = await services.store(0, create=False)
    except NoIndex as problem:
        yield ok("store", f"{problem}: the first `pulse index` creates it")
        return
    except Locked as problem:
        yield warning("store", str(problem), problem.hint)
        return
    assert isinstance(found, QdrantStore | EdgeStore)
    points = await found.count()
    yield ok("store", f"{name}: {points:,} points of {found.dimension} dimensions")
    if dimension is not None and dimension != found.dimension:
        yield error(
            "dimension",
            f"{name} has vectors of {found.dimension} dimensions, the embedder of {dimension}",
            "name another --collection, or the embedder it was made with",
        )
    if isinstance(found, QdrantStore):
        for finding in server(found, settings.qdrant.url or ""):
            yield finding
    elif not found.has_sparse:
        yield warning("bm25", f"{name} holds no BM25 terms", "pulse index adds the vector")
    async for finding in pages(found, rev):
        yield finding
    if settings.bm25.engine == "rank-bm25":
        yield await view(services, points)


def server(found: QdrantStore, url: str) -> Iterator[Finding]:
    about = found.found
    version = ".".join(map(str, about.version))
    if about.version < MATCHES_PREFIX:
        newest = ".".join(map(str, MATCHES_PREFIX))
        message = f"{version}; filters by URL are slower than with {newest}"
        yield ok("qdrant version", message)
    else:
        yield ok("qdrant version", version)
    if not about.has_sparse:
        message = "the collection has no sparse vector: no search by words"
        adds = about.version >= ADDS_VECTORS
        yield warning(
            "bm25",
            message,
            "pulse index adds it"
            if adds
            else "upgrade Qdrant to 1.18, or use another --collection",
        )
    address = f"{url}/collections/{found.collection}"
    if about.indexing_deferred:
        yield warning(
            "bulk mode",
            "it was left on: no search graph is built, and searches scan all points",
            f"curl -X PATCH {address} -H 'content-type: application/json'"
            """ -d '{"hnsw_config":{"m":16}}'""",
        )
    yield _optimizer(about.status, address)


def _optimizer(status: str, address: str) -> Finding:
    match status:
        case "green":
            return ok("optimizer", "green: all is indexed")
        case "yellow":
            return ok("optimizer", "yellow: the server is still building its index")
        case "grey":
            touch = f"curl -X PATCH {address} -H 'content-type: application/json'"
            touch += """ -d '{"optimizers_config":{}}'"""
            return warning("optimizer", "grey: an optimization is pending", touch)
        case _:
            return error(
                "optimizer", f"{status}: an optimization failed", "look at the server's log"
            )


async def pages(found: Store, rev: str | None) -> AsyncIterator[Finding]:
    """The first few hundred points: which program wrote them, and with which settings."""
    hits: list[Hit] = await anext(found.scroll(("rev",), Filter()), [])
    revs = [hit.payload.get("rev") for hit in hits]
    foreign = sum(not one for one in revs)
    if foreign:
        yield warning(
            "pages",
            f"{foreign} of the first {len(revs)} points were not written by pulse",
            "pulse index of the same pages replaces them",
        )
    older = sum(1 for one in revs if one and rev is not None and one != rev)
    if older:
        yield warning(
            "pages",
            f"{older} of the first {len(revs)} points were written with other settings",
            "the next pulse index embeds their pages again; pulse config show",
        )


async def view(services: Services, points: int) -> Finding:
    """The rank-bm25 view against the store."""
    try:
        found = await services.bm25_view()
    except Fatal as problem:
        return error("bm25 view", str(problem), "pulse bm25 rebuild")
    if found.points != points:
        message = f"made from {found.points:,} points, the store has {points:,}"
        return warning("bm25 view", message, "pulse bm25 rebuild")
    return ok("bm25 view", f"{found.documents:,} pages")
