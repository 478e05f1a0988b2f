"""What every Store promises, asked of each: embedded, and a server of three ages."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pulse_cli.errors import Fatal, Rejected
from pulse_cli.model import Filter, Hit, Point, Terms
from pulse_cli.simulators.http import serving
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.store.edge.store import open_edge
from pulse_cli.store.qdrant.store import open_qdrant

DIMENSION = 8
ALL = Filter()
Opener = Callable[..., Any]


def point_id(key: str, index: int = 0) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key}#{index}"))


def point(key: str, index: int = 0, seed: int = 0, **payload: Any) -> Point:
    """A point whose vector and terms depend on key, index and seed only."""
    rng = np.random.default_rng([seed, index, *key.encode()])
    return Point(
        point_id(key, index),
        rng.standard_normal(DIMENSION, dtype=np.float32),
        _terms(rng),
        {
            "canonical_url": key,
            "url": key,
            "text": f"text {index} of {key}",
            "chunk_index": index,
            "domain": "a.example",
            "language": None,
            "isMobile": False,
            **payload,
        },
    )


def _terms(rng: np.random.Generator) -> Terms:
    indices = sorted({int(n) for n in rng.integers(0, 20, 4)})
    return Terms(indices, [float(n) for n in rng.uniform(0.5, 2.0, len(indices))])


@contextlib.asynccontextmanager
async def edge_opener(folder: Path) -> AsyncIterator[Opener]:
    def make(collection: str = "pages", *, create: bool = True) -> Any:
        return open_edge(folder, collection, create=create, lock_wait=10.0, min_free=0)

    yield make


@contextlib.asynccontextmanager
async def qdrant_opener(folder: Path, version: str) -> AsyncIterator[Opener]:
    service = QdrantService(folder, version=version)
    async with serving(service) as simulator:

        def make(collection: str = "pages", *, create: bool = True) -> Any:
            return open_qdrant(simulator.url, collection, create=create)

        yield make
    service.close()


OPENERS = {
    "edge": edge_opener,
    "qdrant-1.19": lambda folder: qdrant_opener(folder, "1.19.0"),
    "qdrant-1.15": lambda folder: qdrant_opener(folder, "1.15.2"),
}


EVERY = pytest.mark.parametrize("opener", sorted(OPENERS), indirect=True)


@pytest.fixture(params=["edge", "qdrant-1.19"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    async with OPENERS[request.param](tmp_path / "stores") as make:
        yield make


@pytest.fixture
async def store(opener: Opener) -> AsyncIterator[Any]:
    made = opener()
    await made.open(DIMENSION)
    yield made
    await made.close()


async def everything(store: Any, where: Filter = ALL) -> dict[str, dict[str, Any]]:
    names = ["canonical_url", "text", "chunk_index", "content_hash", "title"]
    found = [hit async for hits in store.scroll(names, where) for hit in hits]
    assert len({hit.id for hit in found}) == len(found), "a point came twice"
    return {hit.id: dict(hit.payload) for hit in found}


@EVERY
async def test_a_new_collection_is_empty_and_ready(store: Any) -> None:
    assert await store.count() == 0
    assert await store.ready()
    assert store.in_flight >= 1
    assert await everything(store) == {}
    assert await store.lookup([point_id("https://a.example/")]) == {}


async def test_a_point_comes_back_as_it_went_in(store: Any) -> None:
    payload: dict[str, Any] = {
        "text": "naïve 日本語 🙂 \u0000 \u202e \U0010ffff",
        "title": None,
        "isMobile": True,
        "doc_tokens": 2**40,
        "nested": {"a": [1, 2.5, None, "x"]},
    }
    sent = point("https://a.example/ü?q=1&q=2", 3, **payload)
    await store.upsert([sent])
    (hit,) = await store.nearest(sent.vector, 5, ALL)
    assert (hit.id, dict(hit.payload)) == (sent.id, dict(sent.payload))
    assert hit.score == pytest.approx(1.0, abs=1e-5)


async def test_upserts_may_be_repeated_and_the_last_one_counts(store: Any) -> None:
    first = point("https://a.example/", title="old", extra=1)
    second = point("https://a.example/", seed=1, title="new")
    for sent in (first, first, second, second):
        await store.upsert([sent])
    assert await store.count() == 1
    (hit,) = await store.nearest(second.vector, 5, ALL)
    assert dict(hit.payload) == dict(second.payload)
    assert hit.score == pytest.approx(1.0, abs=1e-5)


async def test_commit_records_are_looked_up_and_invalidated(store: Any) -> None:
    commit: dict[str, Any] = {
        "content_hash": "h",
        "rev": "r",
        "run_id": "run",
        "chunk_count": 2,
        "doc_tokens": 700,
    }
    keys = ["https://a.example/1", "https://a.example/2"]
    await store.upsert([point(key, **commit) for key in keys])
    ids = [point_id(key) for key in keys]
    missing = point_id("https://a.example/3")
    found = await store.lookup([*ids, missing])
    assert set(found) == set(ids)
    one = found[ids[0]]
    assert (one.content_hash, one.rev, one.run_id) == ("h", "r", "run")
    assert (one.chunk_count, one.doc_tokens) == (2, 700)
    await store.invalidate([ids[0], missing])
    found = await store.lookup(ids)
    assert found[ids[0]] == replace(one, content_hash=None)
    assert found[ids[1]].content_hash == "h"
    assert (await everything(store))[ids[0]]["text"] == f"text 0 of {keys[0]}"


async def test_a_foreign_commit_record_reads_as_no_commit(store: Any) -> None:
    """The original service wrote none of these fields; others may have written nonsense."""
    await store.upsert([point("https://a.example/1"), point("https://a.example/2", rev=3)])
    for commit in (
        await store.lookup([point_id(f"https://a.example/{n}") for n in (1, 2)])
    ).values():
        assert (commit.content_hash, commit.rev, commit.chunk_count) == (None, None, 0)


async def test_stale_points_of_named_pages_go_and_no_others(store: Any) -> None:
    pages = ["https://a.example/1", "https://a.example/2", "https://a.example/1/sub"]
    await store.upsert([point(page, index) for page in pages for index in range(4)])
    keep = [point_id(pages[0], 0), point_id(pages[0], 1)]
    for _ in range(2):
        await store.delete_stale(pages[:2], keep)
        assert set(await everything(store)) == {
            *keep,
            *(point_id(pages[2], index) for index in range(4)),
        }
    await store.delete_stale([pages[2]], [])
    assert set(await everything(store)) == set(keep)


async def test_points_with_ids_of_others_are_stale_too(store: Any) -> None:
    """The original service gave every chunk a random id."""
    page = "https://a.example/"
    doubles = [replace(point(page), id=str(uuid.uuid4())) for _ in range(3)]
    await store.upsert([*doubles, point(page)])
    await store.delete_stale([page], [point_id(page)])
    assert set(await everything(store)) == {point_id(page)}


async def test_many_keys_and_many_ids_at_once(store: Any) -> None:
    pages = [f"https://a.example/{n}" for n in range(1200)]
    points = [point(page) for page in pages]
    await store.upsert(points)
    keep = [sent.id for sent in points[::2]]
    await store.invalidate([sent.id for sent in points])
    await store.delete_stale(pages, keep)
    assert set(await everything(store)) == set(keep)
    assert set(await store.lookup([sent.id for sent in points])) == set(keep)


async def test_nothing_asked_is_nothing_done(store: Any) -> None:
    await store.upsert([point("https://a.example/")])
    await store.upsert([])
    await store.invalidate([])
    await store.delete_stale([], [point_id("https://a.example/")])
    assert await store.lookup([]) == {}
    assert await store.matching(Terms([], []), 5, ALL) == []
    assert await store.count() == 1


async def test_a_point_without_terms_is_found_by_vector_only(store: Any) -> None:
    sent = replace(point("https://a.example/"), terms=Terms([], []))
    await store.upsert([sent])
    assert [hit.id for hit in await store.nearest(sent.vector, 1, ALL)] == [sent.id]
    assert await store.matching(Terms(list(range(20)), [1.0] * 20), 5, ALL) == []


async def test_rare_terms_weigh_more(store: Any) -> None:
    """IDF is the engine's: a term that only one point has beats one that all have."""
    points = [replace(point(f"https://a.example/{n}"), terms=Terms([1], [1.0])) for n in range(8)]
    points[3] = replace(points[3], terms=Terms([1, 2], [0.5, 0.5]))
    await store.upsert(points)
    hits = await store.matching(Terms([1, 2], [1.0, 1.0]), 10, ALL)
    assert len(hits) == 8
    assert hits[0].id == points[3].id
    assert hits[0].score > 2 * hits[1].score


FILTERS = {
    "domain": Filter({"domain": "b.example"}),
    "bool": Filter({"isMobile": True}),
    "both": Filter({"domain": "b.example", "isMobile": True}),
    "prefix": Filter(url_prefix="https://b.example/docs/"),
    "prefix and bool": Filter({"isMobile": False}, url_prefix="https://b.example/docs/"),
    "nothing": Filter({"language": "fr"}),
}


@EVERY
@pytest.mark.parametrize("name", FILTERS)
async def test_filters_choose_the_same_points_everywhere(store: Any, name: str) -> None:
    where = FILTERS[name]
    points = [
        point(f"https://{domain}/{path}/{n}", domain=domain, isMobile=n % 2 == 0)
        for domain in ("a.example", "b.example")
        for path in ("docs", "docs2", "blog")
        for n in range(6)
    ]
    await store.upsert(points)
    wanted = {
        sent.id
        for sent in points
        if all(sent.payload[key] == value for key, value in where.equals.items())
        and sent.payload["canonical_url"].startswith(where.url_prefix or "")
    }
    assert set(await everything(store, where)) == wanted
    near = await store.nearest(points[0].vector, 100, where)
    assert {hit.id for hit in near} == wanted
    some = await store.nearest(points[0].vector, 2, where)
    assert some == near[:2]
    found = await store.matching(Terms(list(range(20)), [1.0] * 20), 100, where)
    assert {hit.id for hit in found} == wanted


async def test_scroll_brings_every_point_once_with_the_fields_asked_for(store: Any) -> None:
    points = [point(f"https://a.example/{n}", title="t") for n in range(1500)]
    for start in range(0, len(points), 500):
        await store.upsert(points[start : start + 500])
    batches = [hits async for hits in store.scroll(["title"], ALL)]
    assert len(batches) > 1
    found = [hit for hits in batches for hit in hits]
    assert {hit.id for hit in found} == {sent.id for sent in points}
    assert len(found) == len(points)
    assert all(dict(hit.payload) == {"title": "t"} for hit in found)
    bare = [hit async for hits in store.scroll([], ALL) for hit in hits]
    assert len(bare) == len(points)
    assert all(not hit.payload for hit in bare)


async def test_a_large_batch_in_one_call(store: Any) -> None:
    long = "x" * 40_000
    points = [point(f"https://a.example/{n}", text=long) for n in range(700)]
    await store.upsert(points)
    assert await store.count() == 700
    await store.sync()


async def test_what_returned_is_there_after_reopening(opener: Opener) -> None:
    store = opener()
    await store.open(DIMENSION)
    sent = [point(f"https://a.example/{n}", content_hash="h") for n in range(50)]
    await store.upsert(sent)
    await store.invalidate([sent[0].id])
    await store.delete_stale([sent[1].payload["canonical_url"]], [])
    await store.sync()
    before = await everything(store)
    await store.close()
    again = opener(create=False)
    await again.open(DIMENSION)
    assert await everything(again) == before
    assert len(before) == 49
    assert [hit.id for hit in await again.nearest(sent[7].vector, 1, ALL)] == [sent[7].id]
    await again.close()


async def test_another_dimension_is_fatal_and_says_what_to_do(opener: Opener) -> None:
    store = opener()
    await store.open(DIMENSION)
    await store.close()
    other = opener()
    with pytest.raises(Fatal) as raised:
        await other.open(DIMENSION * 2)
    assert "8" in str(raised.value)
    assert "16" in str(raised.value)
    assert "--collection" in raised.value.hint
    await other.close()


@EVERY
async def test_dimension_0_takes_what_is_there(opener: Opener) -> None:
    store = opener()
    await store.open(DIMENSION)
    await store.upsert([point("https://a.example/")])
    await store.close()
    again = opener(create=False)
    await again.open(0)
    assert again.dimension == DIMENSION
    assert again.has_sparse
    assert len(await again.matching(Terms(list(range(20)), [1.0] * 20), 5, ALL)) == 1
    await again.close()


async def test_a_missing_collection_is_not_made_by_who_only_reads(opener: Opener) -> None:
    for _ in range(2):
        store = opener("nowhere", create=False)
        with pytest.raises(Fatal, match="there is no"):
            await store.open(0)
        await store.close()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a\nb", "x" * 256])
async def test_a_name_that_is_none_is_refused(opener: Opener, name: str) -> None:
    with pytest.raises(Fatal):
        opener(name)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
async def test_a_vector_that_is_not_finite_is_rejected_whole(store: Any, bad: float) -> None:
    broken = point("https://a.example/2")
    broken.vector[3] = bad
    with pytest.raises(Rejected):
        await store.upsert([point("https://a.example/1"), broken])
    assert await store.count() == 0


async def test_a_vector_of_another_length_is_fatal(store: Any) -> None:
    short = replace(point("https://a.example/"), vector=np.ones(3, dtype=np.float32))
    with pytest.raises(Fatal):
        await store.upsert([short])
    with pytest.raises(Fatal):
        await store.nearest(short.vector, 1, ALL)


async def test_a_payload_that_is_not_text_is_rejected(store: Any) -> None:
    with pytest.raises(Rejected):
        await store.upsert([point("https://a.example/", text="\ud800")])
    await store.upsert([point("https://a.example/")])
    assert await store.count() == 1


async def test_requests_at_the_same_time_do_not_disturb_each_other(store: Any) -> None:
    async def page(n: int) -> None:
        key = f"https://a.example/{n}"
        await store.upsert([point(key, index, content_hash="h") for index in range(5)])
        assert (await store.lookup([point_id(key)]))[point_id(key)].content_hash == "h"
        await store.delete_stale([key], [point_id(key, index) for index in range(n % 5)])

    await asyncio.gather(*(page(n) for n in range(20)))
    assert await store.count() == sum(n % 5 for n in range(20))


async def test_a_cancelled_request_leaves_a_usable_store(store: Any) -> None:
    """Cancelled at every step of the event loop from the first to the last."""
    points = [point(f"https://a.example/{n}") for n in range(300)]
    for steps in range(12):
        task = asyncio.ensure_future(store.upsert(points))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await store.lookup([point_id("https://nowhere.example/")]) == {}
    await store.upsert(points)
    assert await store.count() == len(points)
    assert len(await everything(store)) == len(points)


async def test_both_stores_answer_alike(tmp_path: Path) -> None:
    """Equal points in, equal points, scores and order out."""
    points = [
        point(f"https://a.example/{n}", index, domain="ab"[n % 2])
        for n in range(40)
        for index in range(3)
    ]
    stale = [sent.payload["canonical_url"] for sent in points[:30]]
    answers: list[list[list[Hit]]] = []
    for name in OPENERS:
        async with OPENERS[name](tmp_path / name) as make:
            store = make()
            await store.open(DIMENSION)
            await store.upsert(points)
            await store.delete_stale(stale, [sent.id for sent in points[:10]])
            answers.append(
                [
                    await search(seed, 15, where)
                    for seed, search in (
                        (points[50].vector, store.nearest),
                        (points[77].terms, store.matching),
                    )
                    for where in (ALL, Filter({"domain": "a"}))
                ]
            )
            await store.close()
    assert all(len(hits) == 15 for hits in answers[0])
    for other in answers[1:]:
        for mine, theirs in zip(answers[0], other, strict=True):
            assert [hit.score for hit in mine] == pytest.approx([hit.score for hit in theirs])
            assert {hit.id: hit.payload for hit in mine} == {hit.id: hit.payload for hit in theirs}
