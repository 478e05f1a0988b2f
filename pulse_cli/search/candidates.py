"""The two lists a hybrid search begins with: nearest by meaning, best by words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pulse_cli.errors import Fatal, Kind, Rejected
from pulse_cli.model import Filter, Hit
from pulse_cli.ports import Embedder, Store
from pulse_cli.search.foreign_points import readable
from pulse_cli.search.fusion import pages_of
from pulse_cli.search.results import Mode

if TYPE_CHECKING:
    from pulse_cli.model import Floats
    from pulse_cli.search.rerank import Reranker

Fetch: TypeAlias = Callable[[int], Awaitable[list[Hit]]]
Keyword: TypeAlias = Callable[[str, int, Filter], Awaitable[list[Hit]]]

FIRST_FETCH = 100
MOST_CANDIDATES = 10_000
# What no page is about, and how much nearer than that a query must come which shares no word
# with any page. Measured with MiniLM on documentation: gibberish reaches cosines of 0.16 to 0.34.
GIBBERISH = ("xqzv wplkt", "sdkfjhs weiruwy", "blorp fnarg zibble")
NEARER = 1.1


@dataclass(frozen=True, slots=True)
class Backends:
    """What a search asks. `embedder` may be None in mode `bm25`.

    `words` writes a query as BM25 gets it (`prepare.words`). `keyword` takes the place of the
    store's own BM25. `reranker` puts the best pages in order.
    """

    store: Store
    embedder: Embedder | None
    words: Callable[[str], str]
    keyword: Keyword | None = None
    reranker: Reranker | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Hits by list name (`vector`, `bm25`), best first, and what could not be asked."""

    lists: dict[str, list[Hit]]
    notices: tuple[str, ...] = ()


async def find_candidates(
    query: str, backends: Backends, mode: Mode, limit: int, where: Filter
) -> Candidates:
    """The lists that `mode` needs, each long enough to rank `limit` pages.

    In mode `hybrid` each chunk that the words found has its cosine in the list of vectors, at
    its end where it was not among the nearest. That costs one request more, and a page found
    by a name out of code no longer loses to all that is merely near (measured: MRR of
    identifiers 0.858 without, 0.900 with). The reverse, BM25 for what only the vectors found,
    changed no rank of 1,000, and is not asked.

    A query that shares no word with any page, and whose vector is hardly nearer to them than
    gibberish is, finds nothing. A collection without BM25 terms is searched by vector alone,
    with a notice; in mode `bm25` that is Fatal.
    """
    lists: dict[str, list[Hit]] = {}
    if mode == "vector":
        lists["vector"] = (await _by_vector(query, backends, limit, where))[1]
        return Candidates(lists)
    if mode == "bm25":
        try:
            lists["bm25"] = await _by_words(query, backends, limit, where)
        except Rejected as error:
            hint = "index the pages with pulse, or use --mode vector"
            raise Fatal(_no_terms(error), hint=hint, kind=Kind.COLLECTION) from error
        return Candidates(lists)
    (vector, lists["vector"]), words = await asyncio.gather(
        _by_vector(query, backends, limit, where),
        _by_words_if_any(query, backends, limit, where),
    )
    if isinstance(words, str):
        return Candidates(lists, (words,))
    lists["bm25"] = words
    if not words and lists["vector"]:
        somewhere = where != Filter() and await _by_words(query, backends, limit, Filter())
        if not somewhere and await _is_noise(lists["vector"][0], backends, where):
            lists["vector"] = []
    if backends.keyword is None:
        lists["vector"] += await _also_near(vector, lists, backends.store)
    return Candidates(lists)


async def _by_vector(
    query: str, backends: Backends, limit: int, where: Filter
) -> tuple[Floats, list[Hit]]:
    """The vector of the query, and what is nearest to it."""
    if backends.embedder is None:
        raise ValueError("searching by vector needs an embedder")
    vector = await backends.embedder.embed_query(query)
    store = backends.store
    return vector, await enough(lambda count: store.nearest(vector, count, where), limit)


async def _is_noise(best: Hit, backends: Backends, where: Filter) -> bool:
    """Whether gibberish comes about as near to some page as `best` does."""
    embedder, reached = backends.embedder, -1.0
    assert embedder is not None
    for text in GIBBERISH:
        hits = await backends.store.nearest(await embedder.embed_query(text), 1, where)
        reached = max([reached, *(hit.score for hit in hits)])
    return best.score < NEARER * reached


async def _by_words(query: str, backends: Backends, limit: int, where: Filter) -> list[Hit]:
    if (keyword := backends.keyword) is not None:
        return await enough(lambda count: keyword(query, count, where), limit)
    words = backends.words(query)
    return await enough(lambda count: backends.store.matching(words, count, where), limit)


async def _also_near(vector: Floats, lists: Mapping[str, Sequence[Hit]], store: Store) -> list[Hit]:
    """The hits of the words that the vectors lack, with their cosines."""
    near = {hit.id for hit in lists["vector"]}
    missing = [hit.id for hit in lists["bm25"] if hit.id not in near]
    return await store.nearest(vector, len(missing), Filter(ids=missing)) if missing else []


async def _by_words_if_any(
    query: str, backends: Backends, limit: int, where: Filter
) -> list[Hit] | str:
    """The hits, or the notice that the collection holds no terms."""
    try:
        return await _by_words(query, backends, limit, where)
    except Rejected as error:
        hint = "searched by vector only; index the pages with pulse for hybrid search"
        return f"{_no_terms(error)}: {hint}"


def _no_terms(error: Rejected) -> str:
    """What the error says, if it is that there are no BM25 terms; else it is raised."""
    if error.reason != "no-sparse-vector":
        raise error
    return str(error)


async def enough(fetch: Fetch, limit: int) -> list[Hit]:
    """Hits of at least twice `limit` pages, where there are so many.

    Several chunks of one page may fill a list, so it is fetched again, four times as long,
    until enough pages are in it. Twice, because fusion needs what is just below the cut.
    """
    count = max(FIRST_FETCH, 4 * limit)
    while True:
        hits = [readable(hit) for hit in await fetch(count)]
        if len(hits) < count or count >= MOST_CANDIDATES or len(pages_of(hits)) >= 2 * limit:
            return hits
        count = min(4 * count, MOST_CANDIDATES)
