"""The two lists of a hybrid search: the nearest vectors, and the best matches by words (BM25)."""

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
from pulse_cli.search.phrase import pages_with_phrase
from pulse_cli.search.results import Mode

if TYPE_CHECKING:
    from pulse_cli.model import Floats
    from pulse_cli.search.rerank import Reranker

Fetch: TypeAlias = Callable[[int], Awaitable[list[Hit]]]
Keyword: TypeAlias = Callable[[str, int, Filter], Awaitable[list[Hit]]]

FIRST_FETCH = 100
MOST_CANDIDATES = 10_000
# Text that no page is about. A query that shares no word with any page must be nearer to the pages
# than this text, by the margin below. Measured with MiniLM on documentation: gibberish reaches
# cosines of 0.16 to 0.34.
GIBBERISH = ("xqzv wplkt", "sdkfjhs weiruwy", "blorp fnarg zibble")
NEARER = 1.1


@dataclass(frozen=True, slots=True)
class Backends:
    """The services of a search. `embedder` may be None in mode `bm25`.

    `words` turns a query into the text that BM25 gets (`prepare.words`). `keyword` replaces the
    BM25 of the store. `reranker` puts the best pages in order.
    """

    store: Store
    embedder: Embedder | None
    words: Callable[[str], str]
    keyword: Keyword | None = None
    reranker: Reranker | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Hits by list name (`vector`, `bm25`), best first, and notices of what was not available.

    `with_phrase` are the keys of pages that hold the query word for word, in mode `hybrid`.
    """

    lists: dict[str, list[Hit]]
    notices: tuple[str, ...] = ()
    with_phrase: frozenset[str] = frozenset()


async def find_candidates(
    query: str, backends: Backends, mode: Mode, limit: int, where: Filter
) -> Candidates:
    """The lists that `mode` needs, each long enough to rank `limit` pages.

    In mode `hybrid` each chunk that BM25 found gets its cosine, too: it is appended to the list of
    vectors if it was not among the nearest. That costs one more request. Without it a page found
    by an identifier loses to every page that is merely near (measured: MRR of identifiers 0.858
    without, 0.900 with). The reverse, BM25 scores for what only the vectors found, changed no rank
    in 1,000 queries, so it is left out.

    A query that shares no word with any page, and whose vector is hardly nearer to the pages than
    gibberish, finds nothing. A collection without BM25 terms is searched by vector alone, with a
    notice; in mode `bm25` that is Fatal.
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
    return Candidates(lists, with_phrase=pages_with_phrase(query, words))


async def _by_vector(
    query: str, backends: Backends, limit: int, where: Filter
) -> tuple[Floats, list[Hit]]:
    """The vector of the query, and the hits nearest to it."""
    if backends.embedder is None:
        raise ValueError("searching by vector needs an embedder")
    vector = await backends.embedder.embed_query(query)
    store = backends.store
    return vector, await enough(lambda count: store.nearest(vector, count, where), limit)


async def _is_noise(best: Hit, backends: Backends, where: Filter) -> bool:
    """Whether gibberish is about as near to some page as `best` is."""
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
    """The hits of BM25 that the list of vectors lacks, with their cosines."""
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
    """The text of the error if it says that there are no BM25 terms; else raises it."""
    if error.reason != "no-sparse-vector":
        raise error
    return str(error)


async def enough(fetch: Fetch, limit: int) -> list[Hit]:
    """Hits of at least twice `limit` pages, if there are so many.

    Several chunks of one page may fill a list. So it is fetched again, four times as long, until
    it holds enough pages. Twice `limit`, because fusion needs the pages just below the limit.
    """
    count = max(FIRST_FETCH, 4 * limit)
    while True:
        hits = [readable(hit) for hit in await fetch(count)]
        if len(hits) < count or count >= MOST_CANDIDATES or len(pages_of(hits)) >= 2 * limit:
            return hits
        count = min(4 * count, MOST_CANDIDATES)
