"""The Qdrant store against a simulated server that misbehaves."""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from pulse_cli.errors import Fatal, Kind, PulseError, Rejected, Transient, Unavailable
from pulse_cli.model import Filter
from pulse_cli.payload import INDEXES
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator, serving
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.store.qdrant.collection import CollectionOptions
from pulse_cli.store.qdrant.store import QdrantStore, open_qdrant
from tests.store.points import Whole, upsert

DIMENSION = 4
POINTS = "/collections/pages/points"


def points(count: int, text: str = "text") -> list[Whole]:
    vector = np.ones(DIMENSION, dtype=np.float32)
    return [
        Whole(
            str(uuid.uuid5(uuid.NAMESPACE_URL, str(n))),
            vector,
            "pump",
            {"canonical_url": f"https://a.example/{n}", "text": text, "content_hash": "h"},
        )
        for n in range(count)
    ]


@dataclass
class Server:
    simulator: Simulator
    store: QdrantStore

    def fail(self, *faults: Fault) -> None:
        self.simulator.faults.set(faults)

    @property
    def requests(self) -> dict[str, int]:
        return dict(self.simulator.stats()["requests_by_kind"])


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that keeps payloads in memory; searches have their own tests."""
    async with serving(QdrantService()) as simulator:
        store = open_qdrant(simulator.url, "pages", timeout=5.0)
        await store.open(DIMENSION)
        simulator.reset()
        yield Server(simulator, store)
        await store.close()


STATUSES = [
    (400, Rejected),
    (401, Fatal),
    (403, Fatal),
    (404, Fatal),
    (408, Transient),
    (422, Rejected),
    (429, Transient),
    (500, Transient),
    (503, Transient),
    (507, Fatal),
    (302, Fatal),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_statuses_reach_the_engine_as_errors(
    server: Server, status: int, kind: type[PulseError]
) -> None:
    server.fail(Fault("status", POINTS, status=status, body="no", headers={"retry-after": "900"}))
    for request in (
        upsert(server.store, points(3)),
        server.store.lookup([points(1)[0].id]),
        server.store.set_committed([points(1)[0].id], False),
        server.store.delete_pages(["https://a.example/"]),
        server.store.count(),
    ):
        with pytest.raises(kind) as raised:
            await request
        if isinstance(raised.value, Transient):
            assert raised.value.retry_after == 60.0
            assert raised.value.overload is (status == 429)
    server.fail()
    await upsert(server.store, points(3))
    assert await server.store.count() == 3


async def test_a_redirect_is_not_followed(server: Server) -> None:
    async with serving(QdrantService()) as other:
        elsewhere = {"location": f"{other.url}{POINTS}/count"}
        server.fail(Fault("status", POINTS, status=307, headers=elsewhere))
        with pytest.raises(Fatal) as raised:
            await server.store.count()
        assert raised.value.kind is Kind.REDIRECT
        assert other.stats()["connections_opened"] == 0


@pytest.mark.parametrize("kind", ["invalid-json", "truncated-json", "html"])
async def test_an_answer_that_is_none_is_retried(server: Server, kind: Any) -> None:
    server.fail(Fault(kind, POINTS, count=1))
    with pytest.raises(Transient):
        await upsert(server.store, points(3))
    await upsert(server.store, points(3))
    assert await server.store.count() == 3


async def test_a_bomb_is_not_unpacked_without_end(server: Server) -> None:
    server.fail(Fault("gzip-bomb", POINTS, count=1))
    with pytest.raises(Transient, match="compressed"):
        await server.store.count()


async def test_an_error_in_a_200_is_an_error(server: Server) -> None:
    body = orjson.dumps({"status": {"error": "No space left on device"}, "time": 0.0}).decode()
    server.fail(Fault("status", POINTS, status=200, body=body))
    with pytest.raises(Fatal) as raised:
        await upsert(server.store, points(1))
    assert isinstance(raised.value, Unavailable)


@pytest.mark.parametrize("status", ["wait_timeout", "acknowledged"])
async def test_a_write_that_is_not_completed_is_repeated(server: Server, status: str) -> None:
    answer = {"result": {"operation_id": 1, "status": status}, "status": "ok", "time": 0.0}
    server.fail(Fault("status", POINTS, status=200, body=orjson.dumps(answer).decode()))
    for request in (
        upsert(server.store, points(1)),
        server.store.set_committed([points(1)[0].id], False),
        server.store.delete_pages(["https://a.example/"]),
    ):
        with pytest.raises(Transient):
            await request


async def test_a_connection_closed_meanwhile_costs_one_silent_repeat(server: Server) -> None:
    """A reset before the work or after it: the write is repeated, the count is the same."""
    server.fail(
        Fault("reset", POINTS, count=1),
        Fault("reset", POINTS, first=2, count=1, when="after"),
        Fault("reset", POINTS, first=4, count=1, when="body"),
    )
    for _ in range(3):
        await upsert(server.store, points(5))
    assert server.simulator.faults.fired == [1, 1, 1]
    server.fail()
    assert await server.store.count() == 5


async def test_a_server_that_keeps_resetting_is_transient(server: Server) -> None:
    server.fail(Fault("reset", POINTS))
    with pytest.raises(Transient):
        await upsert(server.store, points(1))


@pytest.mark.parametrize("fault", [Fault("hang", POINTS), Fault("drip", POINTS, seconds=0.05)])
async def test_no_answer_or_a_slow_drip_ends_at_the_total_deadline(
    server: Server, fault: Fault
) -> None:
    store = open_qdrant(server.simulator.url, "pages", timeout=0.3)
    await store.open(DIMENSION)
    server.fail(fault)
    with pytest.raises(Transient) as raised:
        await store.count()
    assert raised.value.timeout
    server.fail()
    assert await store.count() == 0
    await store.close()


async def test_a_server_that_is_gone_is_transient_and_ready_says_so(server: Server) -> None:
    assert await server.store.ready()
    await server.simulator.down()
    with pytest.raises(Transient):
        await server.store.count()
    assert not await server.store.ready()
    await server.simulator.up()
    assert await server.store.ready()
    assert await server.store.count() == 0


async def test_requests_stay_below_256_points_and_4_mb(server: Server) -> None:
    await upsert(server.store, points(600))
    assert server.requests["upsert"] == 3
    server.simulator.reset()
    await upsert(server.store, points(40, text="x" * 500_000))
    assert server.requests["upsert"] == 6
    assert server.simulator.stats()["bytes"] <= 6 * 4_000_000
    assert await server.store.count() == 600


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", POINTS, method="PUT", status=413, body="Payload Too Large", count=2),
        Fault(
            "status",
            POINTS,
            method="PUT",
            status=400,
            count=2,
            body='{"status":{"error":"JSON payload (5 bytes) is larger than allowed"}}',
        ),
        Fault(
            "status",
            POINTS,
            method="PUT",
            status=429,
            count=2,
            body='{"status":{"error":"Write rate limit exceeded, larger than the limit"}}',
        ),
    ],
    ids=["413", "400", "429"],
)
async def test_a_request_too_large_is_halved_and_the_lesson_kept(
    server: Server, fault: Fault
) -> None:
    """The first two are refused: 256, then 128 points; from then on 64 at once."""
    server.fail(fault)
    await upsert(server.store, points(256))
    assert server.requests["upsert"] == 3  # 64 + 64 + 128 were carried out
    server.simulator.reset()
    await upsert(server.store, points(256))
    assert server.requests["upsert"] in (4, 5)
    assert await server.store.count() == 256


async def test_one_point_that_is_too_large_is_to_blame(server: Server) -> None:
    server.fail(Fault("status", POINTS, method="PUT", status=413, marker="poison"))
    good = points(3)
    bad = Whole(str(uuid.uuid4()), good[0].vector, good[0].words, {"text": "poison"})
    with pytest.raises(Rejected) as raised:
        await upsert(server.store, [*good, bad])
    assert raised.value.reason == "too-large"


async def test_a_collection_dropped_meanwhile_ends_the_run(server: Server) -> None:
    await server.store.drop()
    with pytest.raises(Fatal, match="pages") as raised:
        await upsert(server.store, points(1))
    assert "removed" in raised.value.hint


# --- opening ---


async def ask(simulator: Simulator, method: str, path: str, body: Any = None) -> Any:
    async with httpx.AsyncClient(base_url=simulator.url) as client:
        return (await client.request(method, path, json=body)).json()


async def test_a_new_collection_is_laid_out_as_designed() -> None:
    async with serving(QdrantService()) as simulator:
        options = CollectionOptions(on_disk=True, int8=True, shards=3)
        store = open_qdrant(simulator.url, "my pages", options=options)
        await store.open(DIMENSION)
        info = (await ask(simulator, "GET", "/collections/my%20pages"))["result"]
        params = info["config"]["params"]
        assert params["vectors"] == {"size": DIMENSION, "distance": "Cosine", "on_disk": True}
        assert params["sparse_vectors"] == {"bm25": {"modifier": "idf"}}
        assert params["shard_number"] == 3
        assert info["config"]["quantization_config"]["scalar"]["type"] == "int8"
        schema = {name: index["params"] for name, index in info["payload_schema"].items()}
        assert schema == {
            "canonical_url": {"type": "keyword", "prefix": True},
            **{name: {"type": "keyword"} for name in ("version", "domain", "language")},
            **{name: {"type": "keyword"} for name in ("country", "source_url")},
            **{name: {"type": "keyword"} for name in ("embedder", "indexed_at")},
            "token_count": {"type": "integer"},
            **{name: {"type": "bool"} for name in ("committed", "isMobile")},
        }
        await store.open(DIMENSION)
        assert simulator.stats()["requests_by_kind"]["create"] == 1
        assert simulator.stats()["requests_by_kind"]["index"] == len(INDEXES)
        await store.close()


async def test_two_that_create_at_once_both_have_it() -> None:
    """The other one was quicker: 409 between the look and the creation."""
    async with serving(QdrantService()) as simulator:
        first = open_qdrant(simulator.url, "pages")
        await first.open(DIMENSION)
        missing = '{"status":{"error":"Not found: Collection `pages` doesn\'t exist!"}}'
        simulator.faults.set(
            [Fault("status", "/collections/pages", "GET", status=404, body=missing, count=1)]
        )
        second = open_qdrant(simulator.url, "pages")
        await second.open(DIMENSION)
        assert second.dimension == DIMENSION
        for store in (first, second):
            await store.close()


ORIGINAL = {"vectors": {"size": DIMENSION, "distance": "Cosine"}}


async def test_a_collection_of_the_original_service_gets_what_it_lacks() -> None:
    async with serving(QdrantService(version="1.18.1")) as simulator:
        await ask(simulator, "PUT", "/collections/pages", ORIGINAL)
        reader = open_qdrant(simulator.url, "pages", create=False)
        await reader.open(DIMENSION)
        assert not reader.has_sparse
        with pytest.raises(Rejected) as raised:
            await reader.matching("pump", 3, Filter())
        assert raised.value.reason == "no-sparse-vector"
        info = (await ask(simulator, "GET", "/collections/pages"))["result"]
        assert info["payload_schema"] == {}, "who reads only changes nothing"
        writer = open_qdrant(simulator.url, "pages")
        await writer.open(DIMENSION)
        assert writer.has_sparse
        await upsert(writer, points(2))
        for store in (reader, writer):
            await store.close()


@pytest.mark.parametrize(
    ("version", "settings", "says"),
    [
        ("1.17.0", ORIGINAL, "1.18"),
        ("1.19.0", {"vectors": {"size": 5, "distance": "Cosine"}}, "5-dimensional"),
        ("1.19.0", {"vectors": {"size": 4, "distance": "Dot"}}, "Dot"),
        ("1.19.0", {"vectors": {"dense": {"size": 4, "distance": "Cosine"}}}, "dense"),
        ("1.19.0", {**ORIGINAL, "sparse_vectors": {"bm25": {}}}, "IDF"),
        ("1.14.1", None, "1.14.1, pulse needs 1.15.2"),
        ("1.15.1", None, "1.15.1, pulse needs 1.15.2"),
    ],
)
async def test_what_does_not_fit_is_fatal_and_named(version: str, settings: Any, says: str) -> None:
    async with serving(QdrantService(version=version)) as simulator:
        if settings is not None:
            await ask(simulator, "PUT", "/collections/pages", settings)
        store = open_qdrant(simulator.url, "pages")
        with pytest.raises(Fatal, match=says) as raised:
            await store.open(DIMENSION)
        assert "--collection" in raised.value.hint or "upgrade" in raised.value.hint
        await store.close()


async def test_refusing_the_sparse_vector_is_fatal() -> None:
    async with serving(QdrantService()) as simulator:
        await ask(simulator, "PUT", "/collections/pages", ORIGINAL)
        simulator.faults.set([Fault("status", "/collections/pages/vectors", status=403)])
        store = open_qdrant(simulator.url, "pages")
        with pytest.raises(Fatal, match="refused") as raised:
            await store.open(DIMENSION)
        assert "--collection" in raised.value.hint
        await store.close()


async def test_bulk_mode_is_seen_by_the_next_run_and_ended(server: Server) -> None:
    assert not server.store.found.indexing_deferred
    await server.store.begin_load(bulk=True)
    after_a_crash = open_qdrant(server.simulator.url, "pages")
    await after_a_crash.open(DIMENSION)
    assert after_a_crash.found.indexing_deferred
    await after_a_crash.end_load()
    assert not after_a_crash.found.indexing_deferred
    await after_a_crash.close()


async def test_bulk_mode_does_not_lose_a_graph_setting_of_the_users() -> None:
    async with serving(QdrantService()) as simulator:
        body = {**ORIGINAL, "hnsw_config": {"m": 32}}
        await ask(simulator, "PUT", "/collections/pages", body)
        store = open_qdrant(simulator.url, "pages")
        await store.open(DIMENSION)
        with pytest.raises(Fatal, match="32"):
            await store.begin_load(bulk=True)
        await store.close()


# --- secrets ---

CANARY = "canary-5ca1ab1e"


async def test_the_key_opens_and_its_absence_is_fatal() -> None:
    async with serving(QdrantService(api_key=CANARY)) as simulator:
        store = open_qdrant(simulator.url, "pages", api_key=CANARY)
        await store.open(DIMENSION)
        await store.close()
        without = open_qdrant(simulator.url, "pages")
        with pytest.raises(Fatal, match="401"):
            await without.open(DIMENSION)
        await without.close()


async def test_secrets_appear_in_no_error_repr_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    async with serving(QdrantService()) as simulator:
        host = simulator.url.removeprefix("http://")
        url = f"http://user:{CANARY}@{host}"
        store = open_qdrant(url, "pages", api_key=CANARY, timeout=0.3)
        await store.open(DIMENSION)
        seen += [repr(store), repr(store.__dict__)]
        for fault in (
            *(Fault("status", POINTS, status=status) for status, _ in STATUSES),
            Fault("reset", POINTS),
            Fault("hang", POINTS),
            Fault("html", POINTS),
        ):
            simulator.faults.set([fault])
            try:
                await store.count()
            except PulseError as error:
                seen += [repr(error), "".join(traceback.format_exception(error))]
        await simulator.down()
        with pytest.raises(Transient) as raised:
            await store.count()
        seen.append("".join(traceback.format_exception(raised.value)))
        await store.close()
    with pytest.raises(Fatal) as fatal:
        open_qdrant("http://host", "pages", api_key=f"{CANARY}\n日本")
    seen += ["".join(traceback.format_exception(fatal.value)), caplog.text]
    assert len(seen) > 2 * len(STATUSES)
    assert not [text for text in seen if CANARY in text]


@pytest.mark.parametrize(
    "url", ["", "localhost:6333", "ftp://host", "http://", "http://host:port", "http://[::1"]
)
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(Fatal) as raised:
        open_qdrant(url, "pages")
    assert raised.value.kind is Kind.USAGE
