"""The two lists a hybrid search begins with: nearest by meaning, best by words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from pulse_cli.errors import Fatal, Rejected
from pulse_cli.model import Filter, Hit, Terms
from pulse_cli.ports import Embedder, Store
from pulse_cli.search.fusion import pages_of
from pulse_cli.search.results import Mode

Fetch: TypeAlias = Callable[[int], Awaitable[list[Hit]]]
Keyword: TypeAlias = Callable[[str, int, Filter], Awaitable[list[Hit]]]

FIRST_FETCH = 100
MOST_CANDIDATES = 10_000


@dataclass(frozen=True, slots=True)
class Backends:
    """What a search asks. `embedder` may be None in mode `bm25`.

    `terms` makes the sparse query (`Preparer.query_terms`). `keyword` takes the place of the
    store's own BM25.
    """

    store: Store
    embedder: Embedder | None
    terms: Callable[[str], Terms]
    keyword: Keyword | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Hits by list name (`vector`, `bm25`), best first, and what could not be asked."""

    lists: dict[str, list[Hit]]
    notices: tuple[str, ...] = ()


async def find_candidates(
    query: str, backends: Backends, mode: Mode, limit: int, where: Filter
) -> Candidates:
    """The lists that `mode` needs, each long enough to rank `limit` pages.

    A collection without BM25 terms is searched by vector alone, with a notice; in mode
    `bm25` that is Fatal.
    """
    asked: dict[str, Awaitable[list[Hit]]] = {}
    if mode != "bm25":
        asked["vector"] = _by_vector(query, backends, limit, where)
    if mode != "vector":
        asked["bm25"] = _by_words(query, backends, limit, where)
    lists: dict[str, list[Hit]] = {}
    notices: tuple[str, ...] = ()
    found = await asyncio.gather(*asked.values(), return_exceptions=True)
    for name, hits in zip(asked, found, strict=True):
        if isinstance(hits, BaseException):
            notices += (_missing_words(hits, mode),)
        else:
            lists[name] = hits
    return Candidates(lists, notices)


async def _by_vector(query: str, backends: Backends, limit: int, where: Filter) -> list[Hit]:
    if backends.embedder is None:
        raise ValueError("searching by vector needs an embedder")
    vector = await backends.embedder.embed_query(query)
    return await enough(lambda count: backends.store.nearest(vector, count, where), limit)


async def _by_words(query: str, backends: Backends, limit: int, where: Filter) -> list[Hit]:
    if (keyword := backends.keyword) is not None:
        return await enough(lambda count: keyword(query, count, where), limit)
    sparse = backends.terms(query)
    return await enough(lambda count: backends.store.matching(sparse, count, where), limit)


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
