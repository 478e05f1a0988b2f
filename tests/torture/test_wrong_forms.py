"""Answers of success whose JSON is not what was asked for, at every request that pulse makes.

A service in working order stands behind a liar, which puts something else in place of a part of
the JSON that goes by: `null`, lists, numbers as strings, NaN, nothing at all. Whatever it is, the
caller gets either values of the types that it was promised or an error of ours, never a bug.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_cli.app import overview
from pulse_cli.app.same_model import check_same_model
from pulse_cli.config import Settings
from pulse_cli.embed.openai import open_openai
from pulse_cli.embed.tei import open_tei
from pulse_cli.embed.tei_tokenizer import TeiTokenizer, same_counts
from pulse_cli.engine.clock import SystemClock
from pulse_cli.errors import NoIndex, PulseError
from pulse_cli.events import NullObserver
from pulse_cli.model import Filter, Hit, Position
from pulse_cli.payload import CommitRecord
from pulse_cli.prepare import vendored_tokenizer
from pulse_cli.read import ReadOptions, open_source
from pulse_cli.read.firecrawl.crawl_api import CrawlApi
from pulse_cli.read.firecrawl.scrape_api import ScrapeApi
from pulse_cli.search.rerank import Reranker
from pulse_cli.simulators.firecrawl import Crawl, FirecrawlService
from pulse_cli.simulators.http import Request, Response, Service, serving
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.simulators.rerank import RerankService
from pulse_cli.simulators.tei import TeiService
from pulse_cli.simulators.wordpiece import WordPiece
from pulse_cli.store.pages import stored_page, stored_pages
from pulse_cli.store.qdrant.catalog import QdrantCatalog
from pulse_cli.store.qdrant.store import QdrantStore, open_qdrant
from tests.store.points import Whole, upsert

DIMENSION = 4
ALL = Filter()
KEY = "https://site.example/1"
GONE = object()  # the member or item is left out
RAW = (b"NaN", b"1e400", b"-1e400", b"9" * 400, b'"\\ud800"', b"{", b"")
WRONG: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 3, 0.5, 2**63, 2**70, "", "0.5", "3", "x", "None"),
    *([], [None], [[]], {}, {"id": None}, {"": ""}, [{}], [{"id": {}}], GONE, *RAW),
)
LITTLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


@dataclass(frozen=True)
class Lie:
    """From the `first` answer on, the part numbered `place` (of those there are) is `value`."""

    first: int
    place: int
    value: Any

    def told(self, truth: bytes) -> bytes:
        value = orjson.loads(truth)
        where = list(_places(value))
        path = where[self.place % len(where)]
        if not path:
            return _dumped(self.value)
        parent = value
        for step in path[:-1]:
            parent = parent[step]
        if self.value is GONE:
            del parent[path[-1]]
            return orjson.dumps(value)
        parent[path[-1]] = "THE LIE"
        return orjson.dumps(value).replace(b'"THE LIE"', _dumped(self.value))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all parts, the outermost first; of long lists the first three items."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from _places(value[name], (*path, name))
    elif isinstance(value, list):
        for n in range(min(3, len(value))):
            yield from _places(value[n], (*path, n))


def _dumped(value: Any) -> bytes:
    if value is GONE:
        return b""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class Liar:
    """A service whose answers go through a lie; `asked` are the requests it got."""

    def __init__(self, honest: Service) -> None:
        self._honest = honest
        self.lie: Lie | None = None
        self.asked: list[str] = []

    async def handle(self, request: Request) -> Response:
        answer = await self._honest.handle(request)
        number = len(self.asked)
        self.asked.append(f"{request.method} {request.path}")
        json_body = answer.status == 200 and answer.body[:1] in (b"{", b"[")
        if self.lie is None or number < self.lie.first or not json_body:
            return answer
        return replace(answer, body=self.lie.told(answer.body))

    def spoil(self, fault: Any, response: Response) -> Response:
        return self._honest.spoil(fault, response)

    def stats(self) -> dict[str, Any]:
        return {}

    def reset(self) -> None:
        self.asked = []


class Services:
    """All services, in a thread with an event loop of its own; `urls` and `liars` by name."""

    def __init__(self, folder: Path) -> None:
        self.urls: dict[str, str] = {}
        self.liars: dict[str, Liar] = {}
        self.patience = 60.0  # seconds
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._serve()), daemon=True
        )
        self._thread.start()
        assert self._ready.wait(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def lie(self, lie: Lie | None) -> None:
        """Have all services answer like this from now on; None: as they are."""
        self.patience = 60.0 if lie is None else 0.05
        for liar in self.liars.values():
            liar.lie = lie
            liar.reset()

    async def _serve(self) -> None:
        tei = replace(PROFILES["instant"].tei, dimension=DIMENSION)
        store = QdrantService(self._folder)
        self.liars = {
            "tei": Liar(TeiService(tei, WordPiece(vendored_tokenizer()))),
            "qdrant": Liar(store),
            "firecrawl": Liar(_firecrawl()),
            "rerank": Liar(RerankService()),
        }
        async with AsyncExitStack() as stack:
            for name, liar in self.liars.items():
                self.urls[name] = (await stack.enter_async_context(serving(liar))).url
            self._ready.set()
            await self._over.wait()
        store.close()


def _firecrawl() -> FirecrawlService:
    service = FirecrawlService()
    pages = [
        {"markdown": f"# Page {n}", "metadata": {"sourceURL": f"{KEY}{n}", "statusCode": 200}}
        for n in range(3)
    ]
    service.crawls["c-1"] = Crawl("c-1", "v2", 3, status="completed", pages=pages)
    return service


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    found = Services(tmp_path_factory.mktemp("qdrant"))
    for collection in ("pages", "scratch"):
        asyncio.run(_filled(found, collection))
    yield found
    found.close()


async def _filled(up: Services, collection: str) -> None:
    async with aclosing_store(up, collection, create=True) as store:
        await upsert(store, [_point(n) for n in range(3)])
        await store.set_committed([_point(0).id], True)


def _point(n: int) -> Whole:
    payload = {
        "url": KEY,
        "canonical_url": KEY,
        "text": f"word {n}",
        "chunk_index": n,
        "chunk_count": 3,
        "version": "v",
        "domain": "site.example",
        "token_count": 3,
        "embedder": "model",
        "indexed_at": "2026-01-01T00:00:00Z",
        "committed": False,
    }
    vector = np.arange(1, DIMENSION + 1, dtype=np.float32) + n
    return Whole(f"0000000{n}-0000-5000-8000-000000000000", vector, f"word{n}", payload)


@asynccontextmanager
async def aclosing_store(
    up: Services, collection: str, *, create: bool = False
) -> AsyncIterator[QdrantStore]:
    store = open_qdrant(up.urls["qdrant"], collection, create=create)
    try:
        await store.open(DIMENSION if create else 0)
        yield store
    finally:
        await store.close()


Operation = Callable[[Services], Coroutine[Any, Any, None]]


def all_hits(hits: list[Hit]) -> None:
    assert all(type(hit.id) is str and type(hit.score) is float for hit in hits)
    assert all(isinstance(hit.payload, dict) for hit in hits)


async def store_reads(up: Services) -> None:
    async with aclosing_store(up, "pages") as store:
        found = await store.lookup([_point(n).id for n in range(3)])
        assert all(isinstance(record, CommitRecord) for record in found.values())
        assert all(record.committed in (True, False) for record in await store.committed([KEY]))
        all_hits(await store.nearest(np.ones(store.dimension, np.float32), 2, ALL))
        all_hits(await store.matching("word1 word2", 2, ALL))


async def store_scrolls(up: Services) -> None:
    async with aclosing_store(up, "pages") as store:
        async for hits in store.scroll(None, ALL):
            all_hits(hits)
        async for batch in store.whole_points(ALL):
            assert batch.rows.shape == (len(batch.points), store.dimension)
            assert np.isfinite(batch.rows).all()
            assert all(isinstance(point.payload, dict) for point in batch.points)


async def store_counts(up: Services) -> None:
    async with aclosing_store(up, "pages") as store:
        for name in ("domain", "token_count", "committed"):
            assert all(type(n) is int for n in (await store.facet(name, ALL)).values())
        assert type(await store.count()) is int
        assert type((await store.refresh()).points) is int


async def pages_are_read(up: Services) -> None:
    async with aclosing_store(up, "pages") as store:
        await check_same_model(store, "model")
        page = await stored_page(store, KEY)
        if page is not None:
            assert isinstance(page.document().text, str)
        async for pages in stored_pages(store, ALL):
            assert all(one is None or one.committed for one in pages)


async def overview_is_made(up: Services) -> None:
    given = {
        "qdrant": {"url": up.urls["qdrant"], "collection": "pages"},
        "run": {"give_up_after": up.patience},
    }
    await overview.contents(Settings.model_validate(given), NullObserver())


async def store_writes(up: Services) -> None:
    async with aclosing_store(up, "scratch", create=True) as store:
        await store.begin_load(bulk=True)
        await upsert(store, [_point(n) for n in range(3)])
        await store.set_committed([_point(0).id], True)
        await store.delete_versions({KEY: "none"})
        await store.delete_other_versions({KEY: "v"})
        await store.delete_pages(["https://site.example/none"])
        await store.end_load()


async def collection_comes_and_goes(up: Services) -> None:
    async with aclosing_store(up, "passing", create=True) as store:
        await store.drop()
    async with aclosing_store(up, "nowhere"):
        pass


async def catalog(up: Services) -> None:
    found = QdrantCatalog(up.urls["qdrant"], api_key=None, timeout=10.0, trust_env=False)
    async with aclosing(found):
        assert all(isinstance(name, str) for name in await found.collections())
        await found.set_alias("other-name", "scratch")
        assert all(isinstance(name, str) for name in await found.aliases())
        assert isinstance(await found.size("pages"), int | None)
        await found.drop("other-name")


def _sound(rows: Any, count: int, dimension: int) -> None:
    assert rows.shape == (count, dimension)
    assert np.isfinite(rows).all()


async def tei(up: Services) -> None:
    embedder = await open_tei(up.urls["tei"])
    async with aclosing_client(embedder):
        limits = embedder.limits
        assert min(limits.batch, limits.max_tokens, limits.in_flight) >= 1
        assert isinstance(embedder.model, str)
        vectors = await embedder.embed(["one", "two"])
        _sound(vectors.rows, 2, embedder.dimension)
        _sound((await embedder.embed_query("three"))[None], 1, embedder.dimension)
        assert await same_counts(embedder, ["one two"], [2]) in (True, False)
        counter = TeiTokenizer(embedder, sleep=lambda _: None)
        counts = await asyncio.to_thread(counter.count, ["one", "two three"])
        assert all(type(n) is int and n >= 0 for n in counts)


async def openai(up: Services) -> None:
    embedder = await open_openai(up.urls["tei"], "model")
    async with aclosing_client(embedder):
        vectors = await embedder.embed(["one", "two"])
        _sound(vectors.rows, 2, embedder.dimension)


def _reading(up: Services) -> ReadOptions:
    return ReadOptions(firecrawl_url=up.urls["firecrawl"], give_up_after=0.0, timeout=5.0)


async def crawl(up: Services) -> None:
    options = _reading(up)
    api = CrawlApi("crawl/c-1", options, sleep=lambda _: None)
    await asyncio.to_thread(api.check)
    assert isinstance((await asyncio.to_thread(api.status)).total, int | None)
    source = open_source(["firecrawl:crawl/c-1"], options, sleep=lambda _: None)
    async with asyncio.timeout(20):
        await asyncio.to_thread(lambda: list(islice(source.records(Position()), 50)))


async def scrape(up: Services) -> None:
    api = ScrapeApi(_reading(up), SystemClock())
    try:
        assert isinstance(await api.scrape(KEY), dict)
    finally:
        await api.close()


async def rerank(up: Services) -> None:
    for path in ("", "/v2/rerank"):
        reranker = Reranker(up.urls["rerank"] + path)
        try:
            scores = await reranker.scores("tea", ["tea", "soup"])
            assert len(scores) == 2
            assert np.isfinite(scores).all()
        finally:
            await reranker.close()


OPERATIONS: dict[str, Operation] = {
    one.__name__: one
    for one in (
        *(store_reads, store_scrolls, store_counts, store_writes, pages_are_read),
        *(overview_is_made, collection_comes_and_goes, catalog),
        *(tei, openai, crawl, scrape, rerank),
    )
}


@asynccontextmanager
async def aclosing_client(embedder: Any) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await embedder.close()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_truth_is_taken(up: Services, name: str) -> None:
    up.lie(None)
    if name == "collection_comes_and_goes":
        with pytest.raises(NoIndex):
            asyncio.run(OPERATIONS[name](up))
        return
    asyncio.run(OPERATIONS[name](up))


LIES = st.builds(Lie, st.integers(0, 9), st.integers(0, 60), st.sampled_from(WRONG) | LITTLE)


@pytest.mark.parametrize("name", OPERATIONS)
@given(lie=LIES)
def test_a_lie_is_an_error_of_ours_or_makes_no_difference(
    up: Services, name: str, lie: Lie
) -> None:
    up.lie(lie)
    with suppress(PulseError):
        asyncio.run(OPERATIONS[name](up))


@pytest.mark.nightly
@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=1000)
@given(lie=LIES)
def test_so_are_very_many_lies(up: Services, name: str, lie: Lie) -> None:
    up.lie(lie)
    with suppress(PulseError):
        asyncio.run(OPERATIONS[name](up))
