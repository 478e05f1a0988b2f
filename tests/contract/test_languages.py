"""What every Store promises of words in several languages, asked of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.model import Filter, SparseVector
from pulse_cli.payload import Bm25Options
from pulse_cli.store.bm25 import weighed
from tests.contract.test_store import ALL, DIMENSION, OPENERS, Opener, point
from tests.store.points import Whole, upsert

PAGES = {
    "https://a.example/houses": ("en-GB", "The houses are built of stones"),
    "https://a.example/server": ("en", "The server answers the requests"),
    "https://a.example/haus": ("de", "Die H\u00e4user sind aus Stein gebaut"),
    "https://a.example/anfrage": ("de-AT", "Der Server beantwortet die Anfragen"),
    "https://a.example/cheval": ("fr", "les chevaux rapides"),
    "https://a.example/nowhere": (None, "The mills were grinding"),
}


def page(key: str, language: Any, words: str) -> Whole:
    return replace(point(key, language=language), words=words)


@pytest.fixture(params=["edge", "qdrant-1.19"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    async with OPENERS[request.param](tmp_path / "stores") as make:
        yield make


async def opened(opener: Opener, **options: Any) -> Any:
    store = opener(**options)
    await store.open(DIMENSION)
    await upsert(store, [page(key, *of) for key, of in PAGES.items()])
    return store


async def found(store: Any, query: str, where: Filter = ALL) -> list[str]:
    hits = await store.matching(query, 10, where)
    return [hit.payload["canonical_url"].removeprefix("https://a.example/") for hit in hits]


QUERIES = {
    "house": ["houses"],
    "Haus": ["haus"],
    "ein Cheval": ["cheval"],
    "grind": ["nowhere"],
    "die und der das": [],  # stop words of German pages
    "the of": [],
    "who answers requests": ["server"],
    "wer beantwortet eine Anfrage des Servers": ["anfrage", "server"],
}


async def test_a_query_finds_other_forms_of_its_words_in_the_language_of_each_page(
    opener: Opener,
) -> None:
    store = await opened(opener)
    assert {query: await found(store, query) for query in QUERIES} == QUERIES
    await store.close()


async def test_a_filter_holds_in_every_language(opener: Opener) -> None:
    store = await opened(opener)
    assert await found(store, "der Server", Filter({"language": "en"})) == ["server"]
    assert await found(store, "the servers", Filter({"language": "de-AT"})) == ["anfrage"]
    assert await found(store, "Haus", Filter({"language": "fr"})) == []
    await store.close()


async def test_pages_that_were_weighed_in_the_language_of_the_settings_are_still_found(
    opener: Opener,
) -> None:
    """As an older version of pulse wrote all pages, whatever they say of themselves."""
    store = await opened(opener)
    weights = weighed("running mills", asdict(Bm25Options()))
    old = page("https://a.example/old", "de", "")
    words = SparseVector(list(weights.indices), list(weights.values))
    await upsert(store, [replace(old, words=words)])  # type: ignore[arg-type]
    assert set(await found(store, "a mill runs")) == {"old", "nowhere"}
    await store.close()


async def test_a_language_that_comes_later_is_asked_by_who_opens_the_collection_then(
    opener: Opener,
) -> None:
    store = await opened(opener)
    assert await found(store, "parlano") == []
    await upsert(store, [page("https://a.example/parlare", "it", "parlare a voce alta")])
    later = opener(create=False)
    await later.open(0)
    assert await found(later, "parlano") == ["parlare"]
    await later.close()
    await store.close()
