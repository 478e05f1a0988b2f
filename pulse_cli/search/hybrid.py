"""Search: meaning (dense vectors) and words (BM25), fused into one list of pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pulse_cli.errors import Fatal, Rejected
from pulse_cli.model import Filter, Hit, Terms
from pulse_cli.payload import CHUNK_INDEX, DESCRIPTION, TEXT, TITLE, URL
from pulse_cli.ports import Embedder, Store
from pulse_cli.search.fusion import Page, fuse, pages_of

Mode: TypeAlias = Literal["hybrid", "vector", "bm25"]
Fetch: TypeAlias = Callable[[int], Awaitable[list[Hit]]]
Keyword: TypeAlias = Callable[[str, int, Filter], Awaitable[list[Hit]]]

FIRST_FETCH = 100
MOST_CANDIDATES = 10_000
CHUNKS_SHOWN = 3
_OWN_FIELDS = frozenset({TEXT, TITLE, DESCRIPTION, URL, CHUNK_INDEX})


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the two lists in the fusion, and the constant k of its formula."""

    vector: float = 0.6
    bm25: float = 0.4
    rrf_k: int = 60


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """One chunk of a page that matched."""

    id: str
    chunk_index: int
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """One page. `id`, `text` and `chunk_index` are those of its best chunk, `chunks` the best.

    `score` is the fused one in hybrid mode, else the engine's own (cosine or BM25).
    """

    id: str
    url: str
    title: str | None
    description: str | None
    text: str
    score: float
    chunk_index: int
    chunks: tuple[FoundChunk, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """`mode` is what was asked; `notices` say, for people, where that could not be done.

    `total` counts the pages among the candidates, so it is at least `len(results)`.
    """

    query: str
    mode: Mode
    total: int
    results: tuple[Result, ...]
    notices: tuple[str, ...] = ()


async def search(
    query: str,
    *,
    store: Store,
    embedder: Embedder | None,
    terms: Callable[[str], Terms],
    mode: Mode = "hybrid",
    limit: int = 10,
    where: Filter | None = None,
    weights: Weights | None = None,
    keyword: Keyword | None = None,
) -> SearchResult:
    """Find up to `limit` pages. `embedder` may be None in mode `bm25`.

    `terms` makes the sparse query (`Preparer.query_terms`). `keyword` takes the place of the
    store's own BM25. A collection without BM25 terms is searched by vector alone, with a
    notice; in mode `bm25` that is Fatal.
    """
    weighed, chosen = weights or Weights(), where or Filter()
    lists: dict[str, list[Hit]] = {}
    notices: tuple[str, ...] = ()
    fetches: dict[str, Fetch] = {}
    if mode != "bm25":
        fetches["vector"] = await _by_vector(query, store, embedder, chosen)
    if mode != "vector":
        fetches["bm25"] = _by_words(query, store, terms, chosen, keyword)
    found = await asyncio.gather(
        *(enough(fetch, limit) for fetch in fetches.values()), return_exceptions=True
    )
    for name, hits in zip(fetches, found, strict=True):
        if isinstance(hits, BaseException):
            notices += (_missing_words(hits, mode),)
        else:
            lists[name] = hits
    pages = fuse(lists, {"vector": weighed.vector, "bm25": weighed.bm25}, weighed.rrf_k)
    results = tuple(_result(page, fused=mode == "hybrid") for page in pages[:limit])
    return SearchResult(query, mode, len(pages), results, notices)


async def _by_vector(query: str, store: Store, embedder: Embedder | None, where: Filter) -> Fetch:
    if embedder is None:
        raise ValueError("searching by vector needs an embedder")
    vector = await embedder.embed_query(query)
    return lambda count: store.nearest(vector, count, where)


def _by_words(
    query: str,
    store: Store,
    terms: Callable[[str], Terms],
    where: Filter,
    keyword: Keyword | None,
) -> Fetch:
    if keyword is not None:
        return lambda count: keyword(query, count, where)
    sparse = terms(query)
    return lambda count: store.matching(sparse, count, where)


def _missing_words(error: BaseException, mode: Mode) -> str:
    """What to say when a list failed; only missing BM25 terms can be done without."""
    if not (isinstance(error, Rejected) and error.reason == "no-sparse-vector"):
        raise error
    if mode == "bm25":
        hint = "index the pages with pulse, or use --mode vector"
        raise Fatal(str(error), hint=hint, kind="no-sparse-vector") from error
    return f"{error}: searched by vector only; index the pages with pulse for hybrid search"


async def enough(fetch: Fetch, limit: int) -> list[Hit]:
    """Hits of at least twice `limit` pages, where there are so many.

    Several chunks of one page may fill a list, so it is fetched again, four times as long,
    until enough pages are in it. Twice, because fusion needs what is just below the cut.
    """
    count = max(FIRST_FETCH, 4 * limit)
    while True:
        hits = await fetch(count)
        if len(hits) < count or count >= MOST_CANDIDATES or len(pages_of(hits)) >= 2 * limit:
            return hits
        count = min(4 * count, MOST_CANDIDATES)


def _result(page: Page, *, fused: bool) -> Result:
    best = page.chunks[0]
    payload = best.payload
    return Result(
        id=best.id,
        url=str(payload.get(URL) or page.key),
        title=_text(payload, TITLE),
        description=_text(payload, DESCRIPTION),
        text=_text(payload, TEXT) or "",
        score=page.score if fused else best.score,
        chunk_index=_index(best),
        chunks=tuple(
            FoundChunk(hit.id, _index(hit), _text(hit.payload, TEXT) or "")
            for hit in page.chunks[:CHUNKS_SHOWN]
        ),
        metadata={name: value for name, value in payload.items() if name not in _OWN_FIELDS},
    )


def _text(payload: Mapping[str, Any], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) else None


def _index(hit: Hit) -> int:
    value = hit.payload.get(CHUNK_INDEX)
    return value if isinstance(value, int) else 0
