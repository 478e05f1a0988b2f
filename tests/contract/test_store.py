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
from pulse_cli.model import Filter, Hit
from pulse_cli.payload import CommitRecord
from pulse_cli.simulators.http import serving
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.store.edge.store import open_edge
from pulse_cli.store.qdrant.store import open_qdrant
from tests.store.points import Whole, upsert

DIMENSION = 8
ALL = Filter()
Opener = Callable[..., Any]


def point_id(key: str, index: int = 0) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key}#{index}"))


def point(key: str, index: int = 0, seed: int = 0, **payload: Any) -> Whole:
    """A point whose vector and terms depend on key, index and seed only."""
    rng = np.random.default_rng([seed, index, *key.encode()])
    return Whole(
        point_id(key, index),
        rng.standard_normal(DIMENSION, dtype=np.float32),
        _words(rng),
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


def _words(rng: np.random.Generator) -> str:
    return " ".join(f"word{n}" for n in rng.integers(0, 20, 6))


EVERY_WORD = " ".join(f"word{n}" for n in range(20))


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
    names = ["canonical_url", "text", "chunk_index", "committed", "title"]
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
    await upsert(store, [sent])
    (hit,) = await store.nearest(sent.vector, 5, ALL)
    assert (hit.id, dict(hit.payload)) == (sent.id, dict(sent.payload))
    assert hit.score == pytest.approx(1.0, abs=1e-5)


async def test_upserts_may_be_repeated_and_the_last_one_counts(store: Any) -> None:
    first = point("https://a.example/", title="old", extra=1)
    second = point("https://a.example/", seed=1, title="new")
    for sent in (first, first, second, second):
        await upsert(store, [sent])
    assert await store.count() == 1
    (hit,) = await store.nearest(second.vector, 5, ALL)
    assert dict(hit.payload) == dict(second.payload)
    assert hit.score == pytest.approx(1.0, abs=1e-5)


async def test_commit_records_are_looked_up_and_marked(store: Any) -> None:
    record: dict[str, Any] = {
        "committed": True,
        "run_id": "run",
        "chunk_count": 2,
        "doc_tokens": 700,
    }
    keys = ["https://a.example/1", "https://a.example/2"]
    await upsert(store, [point(key, **record) for key in keys])
    ids = [point_id(key) for key in keys]
    missing = point_id("https://a.example/3")
    found = await store.lookup([*ids, missing])
    assert set(found) == set(ids)
    one = found[ids[0]]
    assert one == CommitRecord(ids[0], keys[0], True, "run", 2, 700)
    await store.set_committed([ids[0]], False)
    found = await store.lookup(ids)
    assert found[ids[0]] == replace(one, committed=False)
    assert found[ids[1]].committed
    assert (await everything(store))[ids[0]]["text"] == f"text 0 of {keys[0]}"
    await store.set_committed([ids[0]], True)
    assert (await store.lookup(ids))[ids[0]] == one


async def test_committed_records_are_found_by_their_pages(store: Any) -> None:
    pages = [f"https://a.example/{n}" for n in range(3)]
    versions = [
        point(page, index, committed=n == 1) if index == 0 else point(page, index)
        for n, page in enumerate(pages)
        for index in range(3)
    ]
    await upsert(store, versions)
    assert [one.id for one in await store.committed(pages[:2])] == [point_id(pages[1])]
    assert await store.committed([pages[0], "https://a.example/nowhere"]) == []


async def test_marking_what_is_not_there_is_fatal(store: Any) -> None:
    """The engine marks only what it has seen, so the index was changed by another."""
    await upsert(store, [point("https://a.example/")])
    with pytest.raises(Fatal) as raised:
        await store.set_committed([point_id("https://a.example/gone")], True)
    assert raised.value.kind == "index-changed"


async def test_a_foreign_commit_record_reads_as_not_committed(store: Any) -> None:
    """The original service wrote none of these fields; others may have written nonsense."""
    pages = [f"https://a.example/{n}" for n in (1, 2)]
    await upsert(store, [point(pages[0]), point(pages[1], committed="yes", chunk_count="3")])
    for record in (await store.lookup([point_id(page) for page in pages])).values():
        assert (record.committed, record.run_id, record.chunk_count) == (False, None, 0)


def versions_of(page: str, *versions: str, chunks: int = 2) -> list[Whole]:
    return [
        replace(
            point(page, index, version=f"{page} {version}"), id=version_id(page, version, index)
        )
        for version in versions
        for index in range(chunks)
    ]


def version_id(page: str, version: str, index: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{page}#{version}#{index}"))


async def ids_of(store: Any) -> set[tuple[str, str | None]]:
    """(page, version) of every point; no two pages share a version."""
    found = [hit async for hits in store.scroll(["canonical_url", "version"], ALL) for hit in hits]
    pages = [(hit.payload["canonical_url"], hit.payload.get("version")) for hit in found]
    return {(page, version and version.removeprefix(f"{page} ")) for page, version in pages}


def chosen(versions: dict[str, str]) -> dict[str, str]:
    return {page: f"{page} {version}" for page, version in versions.items()}


async def test_other_versions_of_named_pages_go_and_nothing_else(store: Any) -> None:
    first, second, other = (f"https://a.example/{n}" for n in ("1", "2", "1/sub"))
    for page in (first, second, other):
        await upsert(store, versions_of(page, "old", "new"))
    for _ in range(2):
        await store.delete_other_versions(chosen({first: "new", second: "old"}))
        assert await ids_of(store) == {
            (first, "new"),
            (second, "old"),
            (other, "old"),
            (other, "new"),
        }
    assert await store.count() == 8


async def test_named_versions_go_and_nothing_else(store: Any) -> None:
    first, second = "https://a.example/1", "https://a.example/2"
    for page in (first, second):
        await upsert(store, versions_of(page, "old", "new"))
    for _ in range(2):
        await store.delete_versions(chosen({first: "new", second: "nowhere"}))
        assert await ids_of(store) == {(first, "old"), (second, "old"), (second, "new")}


async def test_pages_go_whole(store: Any) -> None:
    first, second = "https://a.example/1", "https://a.example/2"
    for page in (first, second):
        await upsert(store, versions_of(page, "old", "new"))
    await store.delete_pages([first, "https://a.example/nowhere"])
    assert await ids_of(store) == {(second, "old"), (second, "new")}


async def test_points_with_ids_of_others_are_other_versions_too(store: Any) -> None:
    """The original service gave every chunk a random id, and no version."""
    page = "https://a.example/"
    doubles = [replace(point(page), id=str(uuid.uuid4())) for _ in range(3)]
    await upsert(store, [*doubles, *versions_of(page, "new")])
    await store.delete_other_versions(chosen({page: "new"}))
    assert await ids_of(store) == {(page, "new")}


async def test_many_pages_and_many_ids_at_once(store: Any) -> None:
    pages = [f"https://a.example/{n}" for n in range(1200)]
    points = [point(page, version=f"{page} v", committed=True) for page in pages]
    await upsert(store, points)
    ids = [sent.id for sent in points]
    assert len(await store.committed(pages)) == len(pages)
    await store.set_committed(ids, False)
    assert await store.committed(pages) == []
    keep = set(ids[::2])
    versions = {page: "v" if n % 2 == 0 else "w" for n, page in enumerate(pages)}
    await store.delete_other_versions(chosen(versions))
    assert set(await everything(store)) == keep
    assert set(await store.lookup(ids)) == keep
    await store.delete_pages(pages)
    assert await store.count() == 0


async def test_nothing_asked_is_nothing_done(store: Any) -> None:
    await upsert(store, [point("https://a.example/")])
    await upsert(store, [])
    await store.set_committed([], True)
    await store.delete_pages([])
    await store.delete_versions({})
    await store.delete_other_versions({})
    assert await store.committed([]) == []
    assert await store.lookup([]) == {}
    assert await store.matching("", 5, ALL) == []
    assert await store.count() == 1


async def test_a_point_without_terms_is_found_by_vector_only(store: Any) -> None:
    sent = replace(point("https://a.example/"), words="")
    await upsert(store, [sent])
    assert [hit.id for hit in await store.nearest(sent.vector, 1, ALL)] == [sent.id]
    assert await store.matching(EVERY_WORD, 5, ALL) == []


async def test_rare_terms_weigh_more(store: Any) -> None:
    """IDF is the engine's: a term that only one point has beats one that all have."""
    points = [replace(point(f"https://a.example/{n}"), words="pump") for n in range(8)]
    points[3] = replace(points[3], words="pump valve")
    await upsert(store, points)
    hits = await store.matching("pumps and valves", 10, ALL)
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
    await upsert(store, points)
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
    found = await store.matching(EVERY_WORD, 100, where)
    assert {hit.id for hit in found} == wanted


async def test_scroll_brings_every_point_once_with_the_fields_asked_for(store: Any) -> None:
    points = [point(f"https://a.example/{n}", title="t") for n in range(1500)]
    for start in range(0, len(points), 500):
        await upsert(store, points[start : start + 500])
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
    await upsert(store, points)
    assert await store.count() == 700
    await store.sync()


async def test_what_returned_is_there_after_reopening(opener: Opener) -> None:
    store = opener()
    await store.open(DIMENSION)
    sent = [point(f"https://a.example/{n}", committed=True) for n in range(50)]
    await upsert(store, sent)
    await store.set_committed([sent[0].id], False)
    await store.delete_pages([sent[1].payload["canonical_url"]])
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
    await upsert(store, [point("https://a.example/")])
    await store.close()
    again = opener(create=False)
    await again.open(0)
    assert again.dimension == DIMENSION
    assert again.has_sparse
    assert len(await again.matching(EVERY_WORD, 5, ALL)) == 1
    await again.close()


async def test_a_missing_collection_is_not_made_by_who_only_reads(opener: Opener) -> None:
    for _ in range(2):
        store = opener("nowhere", create=False)
        with pytest.raises(Fatal, match="there is no"):
            await store.open(0)
        await store.close()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a\nb", "x" * 256])
async def test_a_name_that_is_none_is_refused(opener: Opener, name: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        opener(name)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
async def test_a_vector_that_is_not_finite_is_rejected_whole(store: Any, bad: float) -> None:
    broken = point("https://a.example/2")
    broken.vector[3] = bad
    with pytest.raises(Rejected):
        await upsert(store, [point("https://a.example/1"), broken])
    assert await store.count() == 0


async def test_a_vector_of_another_length_is_fatal(store: Any) -> None:
    short = replace(point("https://a.example/"), vector=np.ones(3, dtype=np.float32))
    with pytest.raises(Fatal):
        await upsert(store, [short])
    with pytest.raises(Fatal):
        await store.nearest(short.vector, 1, ALL)


async def test_a_payload_that_is_not_text_is_rejected(store: Any) -> None:
    with pytest.raises(Rejected):
        await upsert(store, [point("https://a.example/", text="\ud800")])
    await upsert(store, [point("https://a.example/")])
    assert await store.count() == 1


async def test_requests_at_the_same_time_do_not_disturb_each_other(store: Any) -> None:
    async def page(n: int) -> None:
        key = f"https://a.example/{n}"
        await upsert(store, versions_of(key, "old", chunks=5))
        await upsert(store, versions_of(key, "new", chunks=1 + n % 5))
        await store.set_committed([version_id(key, "new", 0)], True)
        assert [one.key for one in await store.committed([key])] == [key]
        await store.delete_other_versions(chosen({key: "new"}))

    await asyncio.gather(*(page(n) for n in range(20)))
    assert await store.count() == sum(1 + n % 5 for n in range(20))


async def test_a_cancelled_request_leaves_a_usable_store(store: Any) -> None:
    """Cancelled at every step of the event loop from the first to the last."""
    points = [point(f"https://a.example/{n}") for n in range(300)]
    for steps in range(12):
        task = asyncio.ensure_future(upsert(store, points))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await store.lookup([point_id("https://nowhere.example/")]) == {}
    await upsert(store, points)
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
            await upsert(store, points)
            await store.delete_pages(stale)
            answers.append(
                [
                    await search(seed, 15, where)
                    for seed, search in (
                        (points[50].vector, store.nearest),
                        (points[77].words, store.matching),
                    )
                    for where in (ALL, Filter({"domain": "a"}))
                ]
            )
            await store.close()
    assert all(len(hits) == 15 for hits in answers[0])
    for other in answers[1:]:
        for mine, theirs in zip(answers[0], other, strict=True):
            assert [hit.score for hit in mine] == pytest.approx([hit.score for hit in theirs])
            # Of those with the score of the last one, any may be left out.
            above = [
                [hit for hit in hits if hit.score > mine[-1].score + 1e-6]
                for hits in (mine, theirs)
            ]
            of_each = [{hit.id: hit.payload for hit in hits} for hits in above]
            assert of_each[0] == of_each[1]
            assert len(of_each[0]) > 5
