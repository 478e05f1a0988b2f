"""One `pulse search` from settings to pages: services opened, searched, closed.

Only what the mode needs is opened: `bm25` loads no model. A search never creates a collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.app.same_model import check_same_model
from pulse_cli.ports import Observer
from pulse_cli.search.candidates import Backends
from pulse_cli.search.filters import parse_filters
from pulse_cli.search.fusion import Ranking
from pulse_cli.search.hybrid import search
from pulse_cli.search.results import Mode, SearchResult
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.search.passage import Terms


async def search_pages(
    settings: Settings, query: str, filters: Sequence[str], observer: Observer
) -> SearchResult:
    """The best pages for `query`. Raises Fatal, e.g. where there is no index."""
    where = parse_filters(filters)
    query = query.encode("utf-8", "replace").decode()  # lone surrogates of a terminal
    options = settings.search
    async with Services(settings, observer) as services:
        return await search(
            query,
            await search_backends(services, options.mode),
            mode=options.mode,
            limit=options.limit,
            where=where,
            ranking=ranking_of(settings),
            least=options.min_score / 100,
        )


async def search_backends(services: Services, mode: Mode) -> Backends:
    """Open what a search in `mode` needs. Raises Fatal."""
    # The store first: if there is no index, no model need be loaded to find that out.
    store = await services.store(0, create=False)
    embedder = None if mode == "bm25" else await services.embedder()
    if embedder is not None:
        await check_same_model(store, embedder.model)
    return Backends(
        store=store,
        embedder=embedder,
        words=_query_words,
        keyword=await services.keyword() if mode != "vector" else None,
        reranker=services.reranker(),
    )


def ranking_of(settings: Settings) -> Ranking:
    options = settings.search
    return Ranking(
        options.fusion,
        options.vector_weight,
        options.bm25_weight,
        options.rrf_k,
        options.phrase_weight,
    )


def terms_of_page(settings: Settings, language: object) -> Terms:
    """The BM25 terms of words on a page whose metadata names `language`."""
    from pulse_cli.prepare.words import bm25_text
    from pulse_cli.store.bm25 import terms
    from pulse_cli.store.page_languages import bm25_language

    own = bm25_language(language, settings.bm25.language)
    return lambda word: terms(bm25_text(word), own)


def _query_words(query: str) -> str:
    from pulse_cli.prepare.clean import clean
    from pulse_cli.prepare.words import bm25_text

    return bm25_text(clean(query))
