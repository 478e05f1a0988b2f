"""Facets, counts and whole points: what every Store gives to those who look into an index."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from pulse_cli.errors import Rejected
from pulse_cli.model import Filter, SparseVector
from pulse_cli.payload import Bm25Options
from pulse_cli.ports import NO_PAYLOAD_INDEX
from pulse_cli.store.bm25 import weighed
from tests.contract.test_store import (  # noqa: F401 - `opener` and `store` are fixtures
    ALL,
    EVERY,
    EVERY_WORD,
    opener,
    point,
    store,
)
from tests.store.points import Whole, upsert

PREFIX = "https://b.example/docs/"


def some_points() -> list[Whole]:
    return [
        point(
            f"https://{domain}/{path}/{n}",
            domain=domain,
            isMobile=n % 2 == 0,
            token_count=10 + n % 3,
            **({"committed": True} if n < 4 else {}),
        )
        for domain in ("a.example", "b.example")
        for path in ("docs", "blog")
        for n in range(150)
    ]


def matches(sent: Whole, where: Filter) -> bool:
    found = sent.payload
    return (
        all(found.get(key) == value for key, value in where.equals.items())
        and all(found.get(key) in values for key, values in where.among.items())
        and not any(found.get(key) == value for key, value in where.differs.items())
        and found["canonical_url"].startswith(where.url_prefix or "")
    )


FILTERS = {
    "all": ALL,
    "equals": Filter({"domain": "b.example"}),
    "among": Filter(among={"domain": ["b.example", "c.example"]}),
    "differs": Filter(differs={"committed": True}),
    "prefix": Filter(url_prefix=PREFIX),
    "several": Filter({"isMobile": True}, PREFIX, differs={"committed": True}),
    "nothing": Filter({"language": "fr"}),
}


@EVERY
@pytest.mark.parametrize("name", FILTERS)
async def test_facets_and_counts_are_exact(store: Any, name: str) -> None:  # noqa: F811
    where, points = FILTERS[name], some_points()
    await upsert(store, points)
    chosen = [sent for sent in points if matches(sent, where)]
    assert await store.count(where) == len(chosen)
    for field in ("domain", "isMobile", "token_count"):
        wanted = Counter(sent.payload[field] for sent in chosen)
        assert await store.facet(field, where) == dict(wanted)


@EVERY
async def test_a_field_without_an_index_has_no_facet(store: Any) -> None:  # noqa: F811
    await upsert(store, some_points()[:3])
    with pytest.raises(Rejected) as raised:
        await store.facet("chunk_index", ALL)
    assert raised.value.reason == NO_PAYLOAD_INDEX


@EVERY
@pytest.mark.parametrize("name", FILTERS)
async def test_whole_points_come_as_they_went_in(store: Any, name: str) -> None:  # noqa: F811
    where, points = FILTERS[name], some_points()
    await upsert(store, points)
    wanted = {sent.id: sent for sent in points if matches(sent, where)}
    found: dict[str, Whole] = {}
    async for batch in store.whole_points(where):
        for got, row in zip(batch.points, batch.rows, strict=True):
            assert got.id not in found
            found[got.id] = Whole(got.id, row, got.words, got.payload)
    assert list(found) == sorted(wanted)
    for sent in wanted.values():
        got = found[sent.id]
        assert got.payload == sent.payload
        weights = weighed(sent.words, asdict(Bm25Options()))
        assert isinstance(got.words, SparseVector)
        assert dict(zip(got.words.indices, got.words.values, strict=True)) == pytest.approx(
            dict(zip(weights.indices, weights.values, strict=True))
        )
        unit = sent.vector / np.linalg.norm(sent.vector)
        assert np.allclose(got.vector, unit, atol=1e-6)


@EVERY
async def test_points_that_were_read_can_be_written_with_their_weights(store: Any) -> None:  # noqa: F811
    await upsert(store, some_points())
    read = [batch async for batch in store.whole_points(ALL)]
    weights = [written.words for batch in read for written in batch.points]
    await store.delete_pages([sent.payload["canonical_url"] for sent in some_points()])
    assert not await store.count()
    for batch in read:
        await store.upsert(batch.points, batch.rows)
    again = [batch async for batch in store.whole_points(ALL)]
    assert [written.words for batch in again for written in batch.points] == weights
    assert await store.matching(EVERY_WORD, 20, ALL)


async def test_reading_goes_on_after_any_batch(store: Any) -> None:  # noqa: F811
    await upsert(store, some_points())
    whole = [(b.following, [p.id for p in b.points]) async for b in store.whole_points(ALL)]
    assert len(whole) > 2
    for number, (following, _) in enumerate(whole[:-1], start=1):
        rest = [[p.id for p in b.points] async for b in store.whole_points(ALL, following)]
        assert rest == [ids for _, ids in whole[number:]]
    assert whole[-1][0] is None


async def test_scroll_brings_all_fields_if_none_is_named(store: Any) -> None:  # noqa: F811
    points = some_points()[:3]
    await upsert(store, points)
    found = [hit async for hits in store.scroll(None, ALL) for hit in hits]
    assert {hit.id: dict(hit.payload) for hit in found} == {p.id: p.payload for p in points}
