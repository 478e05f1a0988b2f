"""The simulated Qdrant refuses what the real one refuses and keeps what it answered."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.simulators.http import Simulator, serving
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES, QdrantModel
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.simulators.qdrant_thin import thin

ID = "5c56c793-69f3-4fbf-87e6-c4bf54c28c26"
SETTINGS = {
    "vectors": {"size": 3, "distance": "Cosine"},
    "sparse_vectors": {"bm25": {"modifier": "idf"}},
}
C = "/collections/c"


class Client:
    def __init__(self, simulator: Simulator, **headers: str) -> None:
        self.simulator = simulator
        self._client = httpx.AsyncClient(base_url=simulator.url, headers=headers)

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if body is not None:
            options["content"] = body if isinstance(body, bytes) else orjson.dumps(body)
            options.setdefault("headers", {"content-type": "application/json"})
        return await self._client.request(method, path, **options)

    async def result(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self(method, path, body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "ok"
        return answer.json()["result"]

    async def close(self) -> None:
        await self._client.aclose()


@pytest.fixture(params=["shard", "memory"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    service = QdrantService(tmp_path if request.param == "shard" else None)
    async with serving(service) as simulator:
        client = Client(simulator)
        assert await client.result("PUT", C, SETTINGS) is True
        yield client
        await client.close()
    service.close()


def point(**changes: Any) -> dict[str, Any]:
    vector = {"": [1.0, 2.0, 3.0], "bm25": {"indices": [1, 7], "values": [0.5, 1.5]}}
    return {"id": ID, "vector": vector, "payload": {"canonical_url": "u"}, **changes}


async def test_health_version_and_list(server: Client) -> None:
    about = (await server("GET", "/")).json()
    assert about == {"title": "qdrant - vector search engine", "version": "1.19.0"}
    for path in ("/healthz", "/readyz", "/livez"):
        assert (await server("GET", path)).status_code == 200
    assert await server.result("GET", "/collections") == {"collections": [{"name": "c"}]}
    assert await server.result("GET", f"{C}/exists") == {"exists": True}
    assert await server.result("GET", "/collections/d/exists") == {"exists": False}


async def test_the_life_of_a_point(server: Client) -> None:
    done = await server.result("PUT", f"{C}/points?wait=true", {"points": [point()]})
    assert done["status"] == "completed"
    unwaited = await server.result("PUT", f"{C}/points", {"points": [point()]})
    assert unwaited["status"] == "acknowledged"
    found = await server.result("POST", f"{C}/points", {"ids": [ID, str(uuid.uuid4())]})
    assert [record["id"] for record in found] == [ID]
    assert found[0]["payload"] == {"canonical_url": "u"}
    assert (await server.result("GET", f"{C}/points/{ID}"))["id"] == ID
    body = {"payload": {"content_hash": None, "n": 1}, "filter": {"must": [{"has_id": [ID]}]}}
    await server.result("POST", f"{C}/points/payload?wait=true", body)
    assert (await server.result("GET", f"{C}/points/{ID}"))["payload"]["n"] == 1
    page = {"key": "canonical_url", "match": {"any": ["u"]}}
    kept = {"filter": {"must": [page], "must_not": [{"has_id": [ID]}]}}
    await server.result("POST", f"{C}/points/delete?wait=true", kept)
    assert await server.result("POST", f"{C}/points/count", {"exact": True}) == {"count": 1}
    await server.result("POST", f"{C}/points/delete?wait=true", {"filter": {"must": [page]}})
    assert await server.result("POST", f"{C}/points/count", {"exact": True}) == {"count": 0}
    await server.result("DELETE", C)
    assert (await server("GET", C)).status_code == 404


def sparse(indices: list[Any], values: list[Any]) -> dict[str, Any]:
    return {"bm25": {"indices": indices, "values": values}}


UPSERTS = {
    "short vector": (point(vector=[1.0, 2.0]), 400, "expected dim: 3, got 2"),
    "long vector": (point(vector={"": [1.0] * 4}), 400, "expected dim: 3, got 4"),
    "unknown name": (point(vector={"dense": [1.0] * 3}), 400, "Not existing vector name error"),
    "null in vector": (point(vector={"": [1.0, None, 3.0]}), 400, ""),
    "no uuid": (point(id="page-1"), 400, "value page-1 is not a valid point ID"),
    "negative id": (point(id=-1), 400, "not a valid point ID"),
    "no vector": ({"id": ID}, 400, "Format error in JSON body"),
}
STRICT = {
    "sparse lengths": (point(vector=sparse([1, 2], [1.0])), 422, "same length"),
    "sparse doubles": (point(vector=sparse([1, 1], [1.0, 1.0])), 422, "unique"),
    "sparse negative": (point(vector=sparse([-1], [1.0])), 400, "Format error"),
    "payload list": (point(payload=[1]), 400, "payload"),
}


@pytest.mark.parametrize("name", UPSERTS)
async def test_points_the_real_one_refuses(server: Client, name: str) -> None:
    bad, status, text = UPSERTS[name]
    await refused(server, bad, status, text)


@pytest.mark.parametrize("name", STRICT)
@pytest.mark.parametrize("server", ["shard"], indirect=True)
async def test_points_the_real_one_refuses_for_less(server: Client, name: str) -> None:
    bad, status, text = STRICT[name]
    await refused(server, bad, status, text)


async def refused(server: Client, bad: Any, status: int, text: str) -> None:
    """A request with one bad point is refused whole."""
    good = point(id=str(uuid.uuid4()), vector={"": [1.0, 2.0, 3.0]})
    answer = await server("PUT", f"{C}/points?wait=true", {"points": [good, bad]})
    assert answer.status_code == status
    assert text in answer.json()["status"]["error"]
    assert await server.result("POST", f"{C}/points/count", {"exact": True}) == {"count": 0}


NOT_JSON = b'{"points":[{"id":1,"vector":{"":[NaN,1,2]}}]}'
REQUESTS = [
    ("PUT", f"{C}/points", b"{", 400, "Format error in JSON body"),
    ("PUT", f"{C}/points", NOT_JSON, 400, "Format error in JSON body"),
    ("PUT", f"{C}/points", {"points": []}, 400, "Empty update request"),
    ("PUT", f"{C}/points", {"batch": {}}, 400, "unknown field `batch`"),
    ("PUT", C, SETTINGS, 409, "already exists"),
    ("PUT", "/collections/d", {"vectors": {"size": 0, "distance": "Cosine"}}, 422, "size"),
    ("PUT", "/collections/d", {"vectors": {"size": 3, "distance": "cosine"}}, 400, "cosine"),
    ("GET", "/collections/d", None, 404, "Collection `d` doesn't exist!"),
    ("PUT", "/collections/d/points", {"points": [point()]}, 404, "doesn't exist!"),
    ("POST", f"{C}/points/delete", {}, 422, "filter"),
    ("POST", f"{C}/points/delete", {"filter": {"most": []}}, 400, "most"),
    ("POST", f"{C}/points/scroll", {"limit": 0}, 422, "limit"),
    (
        "POST",
        f"{C}/points/count",
        {"filter": {"must": [{"key": "a", "match": {"like": 1}}]}},
        400,
        "Match",
    ),
    ("POST", f"{C}/points/query", {"query": [1.0]}, 400, "expected dim: 3, got 1"),
    ("POST", f"{C}/points/query", {"query": [1.0] * 3, "using": "x"}, 400, "vector name error"),
    ("GET", f"{C}/points/{uuid.UUID(int=7)}", None, 404, "does not exist"),
    ("POST", f"{C}/points/payload", {"payload": {}, "points": [ID]}, 404, "No point with id"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), REQUESTS)
async def test_requests_the_real_one_refuses(
    server: Client, method: str, path: str, body: Any, status: int, text: str
) -> None:
    answer = await server(method, path, body)
    assert answer.status_code == status
    assert text in answer.json()["status"]["error"]
    assert answer.json()["time"] >= 0.0


async def test_a_body_over_32_mb_and_one_that_is_not_json(server: Client) -> None:
    large = b'{"points":"' + b"x" * (32 << 20) + b'"}'
    answer = await server("PUT", f"{C}/points", large)
    assert answer.status_code == 400
    assert "larger than allowed" in answer.json()["status"]["error"]
    typed = {"headers": {"content-type": "text/plain"}}
    answer = await server("PUT", f"{C}/points", {"points": [point()]}, **typed)
    assert answer.status_code == 415


async def test_a_key_guards_all_but_health(tmp_path: Path) -> None:
    async with serving(QdrantService(api_key="k")) as simulator:
        for headers, status in (({}, 401), ({"api-key": "x"}, 401), ({"api-key": "k"}, 200)):
            client = Client(simulator, **headers)
            assert (await client("GET", "/collections")).status_code == status
            assert (await client("GET", "/readyz")).status_code == 200
            await client.close()


@pytest.mark.parametrize(("version", "knows"), [("1.17.2", ""), ("1.18.0", "v"), ("1.19.0", "vp")])
async def test_older_servers_know_less(version: str, knows: str) -> None:
    async with serving(QdrantService(version=version)) as simulator:
        client = Client(simulator)
        await client.result("PUT", C, {"vectors": {"size": 3, "distance": "Cosine"}})
        added = await client("PUT", f"{C}/vectors/bm25", {"sparse": {"modifier": "idf"}})
        assert added.status_code == (200 if "v" in knows else 404)
        prefix = {"filter": {"must": [{"key": "canonical_url", "match": {"prefix": "x"}}]}}
        answer = await client("POST", f"{C}/points/count", prefix)
        assert answer.status_code == (200 if "p" in knows else 400)
        await client.close()


async def test_both_ways_of_keeping_points_choose_alike(tmp_path: Path) -> None:
    """Filters of the memory mode against those of the real engine."""
    points = [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, str(n))),
            "vector": {"": [1.0, float(n), 0.5]},
            "payload": {"canonical_url": f"https://x/{n % 7}", "n": n % 3, "m": n % 2 == 0},
        }
        for n in range(60)
    ]
    ids = [entry["id"] for entry in points[:20]]
    pages = {"key": "canonical_url", "match": {"any": ["https://x/1", "https://x/2"]}}
    filters = [
        {"must": [pages]},
        {"must": [pages], "must_not": [{"has_id": ids}]},
        {"must": [{"has_id": ids}], "must_not": [pages]},
        {"must": [{"key": "m", "match": {"value": True}}]},
        {"must": [{"key": "n", "match": {"value": 1}}]},
        {"must": [{"key": "canonical_url", "match": {"prefix": "https://x/3"}}]},
        {"must": [{"key": "canonical_url", "match": {"except": ["https://x/3"]}}]},
        {"should": [{"key": "n", "match": {"value": 1}}, {"has_id": ids}]},
        {"must": [{"must_not": [pages]}, {"key": "missing", "match": {"value": "x"}}]},
        {},
    ]
    answers = []
    for folder in (tmp_path, None):
        service = QdrantService(folder)
        async with serving(service) as simulator:
            client = Client(simulator)
            await client.result("PUT", C, SETTINGS)
            await client.result("PUT", f"{C}/points", {"points": points})
            seen = []
            for where in filters:
                body = {"filter": where, "limit": 7, "with_payload": {"include": ["n"]}}
                while True:
                    found = await client.result("POST", f"{C}/points/scroll", body)
                    seen += [(record["id"], record["payload"]) for record in found["points"]]
                    if (following := found["next_page_offset"]) is None:
                        break
                    body["offset"] = following
                seen.append(
                    (await client.result("POST", f"{C}/points/count", {"filter": where}), {})
                )
            answers.append(seen)
            await client.close()
        service.close()
    assert answers[0] == answers[1]
    assert len(answers[0]) > 100


async def test_what_it_did_is_counted(server: Client) -> None:
    await server.result("PUT", f"{C}/points?wait=true", {"points": [point()] * 3})
    await server.result("POST", f"{C}/points", {"ids": [ID]})
    stats = server.simulator.stats()
    assert stats["points"] == 3
    assert stats["stored"] == {"c": 1}
    assert stats["requests_by_kind"] == {"create": 1, "upsert": 1, "retrieve": 1}
    server.simulator.reset()
    assert server.simulator.stats()["requests"] == 0


async def test_requests_cost_what_the_profile_says() -> None:
    model = QdrantModel(upsert_s=0.02, read_s=0.01, slots=2)
    async with serving(QdrantService(model=model)) as simulator:
        client = Client(simulator)
        await client.result("PUT", C, SETTINGS)
        simulator.reset()
        for _ in range(3):
            await client.result("PUT", f"{C}/points", {"points": [point()]})
        await client.result("POST", f"{C}/points", {"ids": [ID]})
        stats = simulator.stats()
        assert stats["busy_s"] == pytest.approx(0.06, abs=0.005)
        assert stats["read_busy_s"] == pytest.approx(0.01, abs=0.005)
        assert stats["places"] == 2
        await client.close()


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """Killed with -9 after every few answers and started again on the same folder."""
    profile = PROFILES["instant"]
    ids: list[str] = []
    for _ in range(3):
        with SpawnedSimulator("qdrant", profile, folder=tmp_path) as simulator:
            client = httpx.Client(base_url=simulator.url)
            if not ids:
                client.put(C, json=SETTINGS).raise_for_status()
                index = {"field_name": "canonical_url", "field_schema": "keyword"}
                client.put(f"{C}/index?wait=true", json=index).raise_for_status()
            else:
                info = client.get(C).json()["result"]
                assert info["points_count"] == len(ids)
                assert set(info["payload_schema"]) == {"canonical_url"}
                found = client.post(f"{C}/points", json={"ids": ids}).json()["result"]
                assert len(found) == len(ids)
            for _ in range(5):
                new = [str(uuid.uuid4()) for _ in range(20)]
                body = {"points": [point(id=one) for one in new]}
                client.put(f"{C}/points?wait=true", json=body).raise_for_status()
                ids += new
            simulator.kill()
            client.close()


numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=30) | numbers,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


def shortened(value: Any, *, in_map: bool = False) -> Any:
    """What `thin` promises: long arrays of numbers that are values become their length."""
    if isinstance(value, dict):
        # A key that ends with a backslash is not told from an escaped quote, and left alone.
        return {
            key: shortened(inner, in_map=not key.endswith("\\")) for key, inner in value.items()
        }
    if isinstance(value, list):
        plain = all(type(item) in (int, float) for item in value)
        if in_map and value and plain and len(orjson.dumps(value)) - 2 > 64:
            return [len(value)]
        return [shortened(item) for item in value]
    return value


@given(st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_thinning_leaves_everything_but_long_numbers(value: dict[str, Any]) -> None:
    assert orjson.loads(thin(orjson.dumps(value))) == shortened(value)


def test_text_that_looks_like_a_vector_stays() -> None:
    text = '{"a":[' + "1,2," * 40 + "3]}"
    body = orjson.dumps({"points": [{"payload": {"text": text}, "vector": {"": [0.5] * 40}}]})
    (found,) = orjson.loads(thin(body))["points"]
    assert found == {"payload": {"text": text}, "vector": {"": [40]}}
