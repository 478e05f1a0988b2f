"""Search over a real store: pages, not chunks; both lists; one when there is only one."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pulse_cli.errors import Fatal
from pulse_cli.model import EmbedLimits, Filter, Hit, Vectors
from pulse_cli.search.candidates import Backends
from pulse_cli.search.hybrid import search
from pulse_cli.search.results import SearchResult
from pulse_cli.simulators.http import serving
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.store.edge.store import open_edge
from pulse_cli.store.qdrant.store import open_qdrant
from tests.store.points import Whole, upsert

DIMENSION = 64


class WordVectors:
    """An embedder whose texts are near when they share words."""

    model = "words"
    dimension = DIMENSION
    limits = EmbedLimits(batch=8, batch_bytes=1000, in_flight=1, start=1, max_tokens=100)

    def vector(self, text: str) -> Any:
        total = np.full(DIMENSION, 0.01, dtype=np.float32)
        for word in text.lower().split():
            total += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(
                DIMENSION, dtype=np.float32
            )
        return total

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return Vectors(np.stack([self.vector(text) for text in texts]))

    async def embed_query(self, text: str) -> Any:
        return self.vector(text)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None: ...


def point(page: str, index: int, text: str, **payload: Any) -> Whole:
    return Whole(
        str(uuid.uuid5(uuid.NAMESPACE_URL, f"{page}#{index}")),
        WordVectors().vector(text),
        text,
        {
            "url": page,
            "canonical_url": page,
            "title": f"Title of {page}",
            "description": None,
            "text": text,
            "chunk_index": index,
            "domain": page.split("/")[2],
            **payload,
        },
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Any]:
    made = open_edge(tmp_path, "pages", min_free=0)
    await made.open(DIMENSION)
    yield made
    await made.close()


async def found(store: Any, query: str, keyword: Any = None, **options: Any) -> SearchResult:
    return await search(query, Backends(store, WordVectors(), str, keyword), **options)


BREAD = "https://food.example/bread"
YEAST = "https://food.example/yeast"
STARS = "https://sky.example/stars"


@pytest.fixture
async def pages(store: Any) -> Any:
    await upsert(
        store,
        [
            point(BREAD, 0, "how bread is made"),
            point(BREAD, 1, "bread dough rises with yeast and sugar"),
            point(YEAST, 0, "yeast is a fungus"),
            point(STARS, 0, "stars shine at night", language="en"),
        ],
    )
    return store


@pytest.mark.parametrize("mode", ["hybrid", "vector", "bm25"])
async def test_a_known_item_is_found_with_its_passage(pages: Any, mode: Any) -> None:
    result = await found(pages, "dough rises", mode=mode)
    best = result.results[0]
    assert (best.url, best.chunk_index) == (BREAD, 1)
    assert best.title == f"Title of {BREAD}"
    assert best.text == "bread dough rises with yeast and sugar"
    assert best.description is None
    assert best.metadata["domain"] == "food.example"
    assert "text" not in best.metadata
    assert best.chunks[0].id == best.id
    assert (result.query, result.mode, result.notices) == ("dough rises", mode, ())
    assert result.total >= len(result.results)


async def test_words_alone_need_no_embedder(pages: Any) -> None:
    result = await search("stars", Backends(pages, None, str), mode="bm25")
    assert [page.url for page in result.results] == [STARS]


async def test_hybrid_scores_are_fused_and_single_ones_the_engines_own(pages: Any) -> None:
    query = "bread dough rises with yeast and sugar"
    hybrid = await found(pages, query)
    assert hybrid.results[0].score == pytest.approx(1.0)
    alone = await found(pages, query, mode="vector")
    assert alone.results[0].score == pytest.approx(1.0, abs=1e-4)
    words = await found(pages, query, mode="bm25")
    assert words.results[0].score == words.results[0].votes["bm25"].score > 1
    assert words.results[0].share == 1.0
    assert words.results[1].share == pytest.approx(words.results[1].score / words.results[0].score)


async def test_what_only_the_words_found_has_its_nearness_too(store: Any) -> None:
    """The page is further away than the hundred that a search looks at."""
    await upsert(
        store, [point(f"https://a.example/{n}", 0, f"kettle boils {'so ' * 3}") for n in range(120)]
    )
    name = "https://a.example/name"
    await upsert(store, [point(name, 0, "errno fails in ways that nobody has foreseen at all")])
    query = "kettle boils errno"
    alone = await found(store, query, mode="vector")
    assert name not in [page.url for page in alone.results]
    result = await found(store, query)
    page = next(page for page in result.results if page.url == name)
    vector = WordVectors().vector
    one, other = vector(query), vector(page.text)
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert page.votes["vector"].score == pytest.approx(float(cosine), abs=1e-4)


async def test_a_page_of_many_chunks_leaves_room_for_others(store: Any) -> None:
    """All of the first 400 hits are chunks of one page."""
    long = [point("https://a.example/long", n, f"bread loaf {n % 7}") for n in range(600)]
    others = [point(f"https://a.example/{n}", 0, f"bread and much else {n}") for n in range(12)]
    for start in range(0, 600, 200):
        await upsert(store, long[start : start + 200])
    await upsert(store, others)
    for mode in ("vector", "bm25", "hybrid"):
        result = await found(store, "bread loaf", mode=mode, limit=10)
        urls = [page.url for page in result.results]
        assert len(set(urls)) == len(urls) == 10
        assert urls[0] == "https://a.example/long"
        assert len(result.results[0].chunks) == 3


async def test_filters_hold_in_both_lists(pages: Any) -> None:
    result = await found(pages, "bread yeast stars", where=Filter({"domain": "sky.example"}))
    assert [page.url for page in result.results] == [STARS]
    under = await found(pages, "bread", where=Filter(url_prefix="https://food.example/y"))
    assert [page.url for page in under.results] == [YEAST]


async def test_nonsense_finds_nothing_but_a_near_page_without_a_common_word_is_found(
    pages: Any,
) -> None:
    class Synonyms(WordVectors):
        def vector(self, text: str) -> Any:
            return super().vector(text.replace("loaf", "bread"))

    asked = Backends(pages, Synonyms(), str)
    assert (await search("hjkl mnbv", asked)).results == ()
    assert (await search("hjkl mnbv", asked, mode="vector")).results
    meant = await search("loaf", asked)
    assert meant.results[0].url == BREAD
    assert "bm25" not in meant.results[0].votes


async def test_nothing_to_find_is_no_error(store: Any) -> None:
    result = await found(store, "anything")
    assert (result.total, result.results) == (0, ())


async def test_without_bm25_terms_vectors_still_answer(tmp_path: Path) -> None:
    """A collection as the original service wrote it: random ids, dense vectors only."""
    points = [
        {
            "id": str(uuid.uuid4()),
            "vector": WordVectors().vector(text).tolist(),
            "payload": {"url": url, "text": text, "chunk_index": 0, "token_count": 3},
        }
        for url, text in ((BREAD, "how bread is made"), (STARS, "stars shine at night"))
    ]
    async with serving(QdrantService(tmp_path)) as server, httpx.AsyncClient() as client:
        where = f"{server.url}/collections/old"
        vectors = {"vectors": {"size": DIMENSION, "distance": "Cosine"}}
        batch = {"points": points}
        assert (await client.put(where, json=vectors)).status_code == 200
        assert (await client.put(f"{where}/points?wait=true", json=batch)).status_code == 200
        store = open_qdrant(server.url, "old", create=False)
        await store.open(DIMENSION)
        await check_vectors_alone(store)
        await store.close()


async def check_vectors_alone(store: Any) -> None:
    result = await found(store, "bread")
    assert [page.url for page in result.results] == [BREAD, STARS]
    assert len(result.notices) == 1
    assert "bm25" in result.notices[0]
    with pytest.raises(Fatal, match="bm25"):
        await found(store, "bread", mode="bm25")


async def test_another_keyword_engine_takes_the_place_of_the_stores(pages: Any) -> None:
    asked: list[tuple[str, Filter]] = []

    async def keyword(query: str, limit: int, where: Filter) -> list[Hit]:
        asked.append((query, where))
        return [Hit("x", 3.5, {"url": YEAST, "canonical_url": YEAST, "text": "whole page"})]

    where = Filter({"domain": "food.example"})
    result = await found(pages, "bread", mode="bm25", keyword=keyword, where=where)
    assert [(page.url, page.score) for page in result.results] == [(YEAST, 3.5)]
    assert asked == [("bread", where)]
