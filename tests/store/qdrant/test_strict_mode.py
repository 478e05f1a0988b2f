"""A collection in strict mode: its limits are kept to, those known before and those learned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pulse_cli.model import Filter
from pulse_cli.payload import FILTERS, INDEXES
from pulse_cli.simulators.http import Simulator, serving
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.store.pages import pages_by_domain
from pulse_cli.store.qdrant.limits import RequestLimits
from pulse_cli.store.qdrant.store import QdrantStore, open_qdrant
from tests.contract.test_store import DIMENSION, point
from tests.store.points import Whole, upsert

STRICT = {
    "enabled": True,
    "upsert_max_batchsize": 7,
    "condition_max_size": 5,
    "max_query_limit": 9,
    "filter_max_conditions": 4,
    "unindexed_filtering_retrieve": False,
    "unindexed_filtering_update": False,
}
PAGES = [f"https://a.example/{n}" for n in range(23)]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Simulator]:
    service = QdrantService(tmp_path)
    async with serving(service) as simulator:
        yield simulator
    service.close()


async def make_strict(server: Simulator) -> None:
    async with httpx.AsyncClient() as client:
        body = {"strict_mode_config": STRICT}
        answer = await client.patch(f"{server.url}/collections/pages", json=body)
        assert answer.status_code == 200


async def opened(server: Simulator, *, known: bool) -> QdrantStore:
    """A store on the collection in strict mode, which it learns of before or after opening it."""
    first = open_qdrant(server.url, "pages")
    await first.open(DIMENSION)
    if not known:
        await make_strict(server)
        return first
    await first.close()
    await make_strict(server)
    second = open_qdrant(server.url, "pages")
    await second.open(DIMENSION)
    return second


def whole_page(page: str) -> Whole:
    return point(page, version=f"{page} v", committed=True, country="DE", source_url=page)


@pytest.mark.parametrize("known", [True, False])
async def test_every_request_keeps_to_the_limits(server: Simulator, known: bool) -> None:
    store = await opened(server, known=known)
    points = [whole_page(page) for page in PAGES]
    await upsert(store, points)
    assert await store.count() == len(PAGES)
    assert len(await store.committed(PAGES)) == len(PAGES)
    await store.set_committed([one.id for one in points], False)
    assert await store.committed(PAGES) == []
    found = [hit async for hits in store.scroll(["url"], Filter()) for hit in hits]
    assert len(found) == len(PAGES)
    near = await store.nearest(points[3].vector, 20, Filter())
    assert near[0].id == points[3].id
    assert len({hit.id for hit in near}) == 20
    words = await store.matching(" ".join(f"word{n}" for n in range(20)), 20, Filter())
    assert len({hit.id for hit in words}) == 20
    await store.delete_versions({page: f"{page} v" for page in PAGES[:6]})
    await store.delete_other_versions(dict.fromkeys(PAGES[6:12], "another"))
    await store.delete_pages(PAGES[12:])
    assert await store.count() == 0
    await store.close()


@pytest.mark.parametrize("name", FILTERS)
async def test_every_filter_that_people_may_use_has_an_index(server: Simulator, name: str) -> None:
    store = await opened(server, known=True)
    values: dict[str, Any] = {"domain": "a.example", "country": "DE", "isMobile": False}
    await upsert(store, [whole_page(PAGES[0])])
    where = Filter({name: values.get(name, "en")})
    await store.nearest(np.ones(DIMENSION, np.float32), 5, where)
    await store.close()


def test_strict_mode_that_is_off_is_no_limit() -> None:
    limits = RequestLimits()
    limits.read({"strict_mode_config": {**STRICT, "enabled": False}})
    limits.read({"strict_mode_config": None})
    limits.read({})
    assert limits == RequestLimits()


@pytest.mark.parametrize(
    ("name", "refusal", "learned"),
    [
        ("points", 'Limit exceeded 64 > 4 for "upsert limit".', 4),
        ("values", "Condition size limit reached (64 > 10).", 10),
        ("results", 'Limit exceeded 100 > 20 for "limit".', 20),
        ("points", 'Limit exceeded 100 > 20 for "limit".', None),
        ("points", 'Limit exceeded 64 > 0 for "upsert limit".', None),
        ("points", 'Limit exceeded 64 > 999999 for "upsert limit".', None),
        ("values", "Filter condition limit reached (3 > 1)", None),
        ("results", "something else", None),
    ],
)
def test_a_refusal_teaches_its_limit_once(name: str, refusal: str, learned: int | None) -> None:
    limits, before = RequestLimits(), RequestLimits()
    assert limits.learn(name, refusal) is (learned is not None)
    assert limits == (before if learned is None else replace(before, **{name: learned}))
    assert not limits.learn(name, refusal)


@pytest.mark.parametrize("missing", [{"domain"}, {"committed"}, {"domain", "committed"}])
@pytest.mark.parametrize("strict", [True, False])
async def test_pages_are_counted_by_site_without_payload_indexes(
    server: Simulator, missing: set[str], strict: bool
) -> None:
    """In a collection that an older pulse wrote, opened by a reader, who adds no index."""
    vectors = {"size": DIMENSION, "distance": "Cosine"}
    layout = {"vectors": vectors, "sparse_vectors": {"bm25": {"modifier": "idf"}}}
    async with httpx.AsyncClient(base_url=f"{server.url}/collections/pages") as client:
        assert (await client.put("", json=layout)).status_code == 200
        for name in {"domain", "committed"} - missing:
            body = {"field_name": name, "field_schema": INDEXES[name]}
            assert (await client.put("/index", json=body)).status_code == 200
    if strict:
        await make_strict(server)
    store = open_qdrant(server.url, "pages", create=False)
    await store.open(DIMENSION)
    half = point("https://a.example/half", version="v", committed=False)
    await upsert(store, [*map(whole_page, PAGES), half])
    assert await pages_by_domain(store) == {"a.example": len(PAGES)}


async def test_words_are_found_where_the_languages_are_too_many_for_a_filter(
    server: Simulator,
) -> None:
    store = await opened(server, known=True)
    names = ["de", "fr", "it", "es", "pt", "nl", "sv", "da"]
    pages = [point(f"https://a.example/{name}", language=name) for name in names]
    await upsert(store, [replace(page, words="running mills") for page in pages])
    found = await store.matching("a running mill", 20, Filter())
    assert {hit.payload["language"] for hit in found} == set(names)
    await store.close()
