"""The simulated TEI does what its source code says, as seen over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import numpy as np
import pytest
from tokenizers import Tokenizer

from pulse_cli.prepare import vendored_tokenizer
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator, serving
from pulse_cli.simulators.profiles import PROFILES, Slots, TeiModel
from pulse_cli.simulators.tei import TeiService
from pulse_cli.simulators.wordpiece import WordPiece

INSTANT = PROFILES["instant"].tei


@dataclass
class Tei:
    """A running simulator with a plain client."""

    simulator: Simulator
    client: httpx.AsyncClient

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def embed(self, *inputs: str, **more: Any) -> httpx.Response:
        return await self.post("/embed", inputs=list(inputs), **more)


Opens = Callable[[TeiModel], AbstractAsyncContextManager[Tei]]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until it holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


@pytest.fixture(scope="module")
def wordpiece() -> WordPiece:
    return WordPiece(vendored_tokenizer())


@pytest.fixture
def tei(wordpiece: WordPiece) -> Opens:
    @asynccontextmanager
    async def opened(model: TeiModel) -> AsyncIterator[Tei]:
        async with (
            serving(TeiService(model, wordpiece)) as simulator,
            httpx.AsyncClient(base_url=simulator.url, trust_env=False) as client,
        ):
            yield Tei(simulator, client)

    return opened


async def test_the_same_text_has_the_same_unit_vector_everywhere(tei: Opens) -> None:
    async with tei(INSTANT) as server:
        alone = (await server.embed("one")).json()
        both = (await server.embed("two", "one")).json()
        single = (await server.post("/embed", inputs="one")).json()
        named = (await server.post("/v1/embeddings", input="one")).json()
    assert alone[0] == both[1] == single[0] == named["data"][0]["embedding"]
    assert both[0] != both[1]
    assert np.linalg.norm(np.float32(both), axis=1) == pytest.approx(1, abs=1e-5)


async def test_info_tells_the_limits_of_the_model(tei: Opens) -> None:
    model = replace(INSTANT, max_client_batch_size=7, max_concurrent_requests=9)
    async with tei(model) as server:
        info = (await server.client.get("/info")).json()
    assert info["max_client_batch_size"] == 7
    assert info["max_concurrent_requests"] == 9
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}


async def test_the_key_guards_all_but_health(tei: Opens) -> None:
    async with tei(replace(INSTANT, api_key="k")) as server:
        assert (await server.client.get("/health")).status_code == 200
        for answer in (await server.client.get("/info"), await server.embed("a")):
            assert (answer.status_code, answer.content) == (401, b"")
        server.client.headers["authorization"] = "Bearer k"
        assert (await server.embed("a")).status_code == 200


@pytest.mark.parametrize(
    ("version", "refused"),
    [("1.9.3", 422), ("1.8.3", 413)],
)
async def test_too_much_is_refused_in_the_words_of_the_version(
    tei: Opens, version: str, refused: int
) -> None:
    async with tei(replace(INSTANT, version=version)) as server:
        batch = await server.embed(*["a"] * 33)
        long = await server.embed("a " * 700, truncate=False)
        characters = await server.embed("a" * 200_000, truncate=False)
        empty = await server.embed("a", "")
        cut = await server.embed("a " * 700, truncate=True)
    assert batch.status_code == long.status_code == characters.status_code == refused
    assert batch.json() == {
        "error": "batch size 33 > maximum allowed batch size 32",
        "error_type": "Validation",
    }
    assert "must have less than 512 tokens. Given: 702" in long.json()["error"]
    assert "must have less than 128000 characters. Given: 200000" in characters.json()["error"]
    assert (empty.json()["error_type"], cut.status_code) == ("Empty", 200)


async def test_what_the_web_framework_refuses_is_plain_text(tei: Opens) -> None:
    async with tei(replace(INSTANT, payload_limit=1000)) as server:
        large = await server.embed("a" * 2000)
        broken = await server.client.post(
            "/embed", content=b"{", headers={"content-type": "application/json"}
        )
        untyped = await server.client.post("/embed", content=b'{"inputs":["a"]}')
    assert [large.status_code, broken.status_code, untyped.status_code] == [413, 400, 415]
    assert "length limit exceeded" in large.text
    for answer in (large, broken, untyped):
        assert answer.headers["content-type"].startswith("text/plain")


async def test_the_openai_route_has_its_own_shape_of_error(tei: Opens) -> None:
    async with tei(INSTANT) as server:
        answer = await server.post("/v1/embeddings", input=["a"] * 40)
    assert answer.json()["type"] == "Validation"
    assert answer.json()["code"] == 422


async def test_tokenize_counts_as_the_reference_tokenizer_does(tei: Opens) -> None:
    texts = ["Hello, wörld!", "naïve 東京 🙂", "def f(x): return x**2"]
    reference = Tokenizer.from_str(vendored_tokenizer().decode())
    reference.no_truncation()
    reference.no_padding()
    async with tei(replace(INSTANT, default_prompt="query: ")) as server:
        rows = (await server.post("/tokenize", inputs=texts)).json()
        bare = (await server.post("/tokenize", inputs=texts, add_special_tokens=False)).json()
    expected = [reference.encode("query: " + t).ids for t in texts]
    assert [[token["id"] for token in row] for row in rows] == expected
    assert [[t["special"] for t in row].count(True) for row in rows] == [2, 2, 2]
    assert [len(row) for row in bare] == [len(ids) - 2 for ids in expected]


async def test_headers_carry_the_counts_of_the_batch(tei: Opens) -> None:
    async with tei(INSTANT) as server:
        headers = (await server.embed("hello world", "hello")).headers
    assert headers["x-compute-tokens"] == "7"
    assert {"x-queue-time", "x-inference-time", "x-tokenization-time"} <= set(headers)


# --- permits ---


async def test_from_1_9_on_too_few_permits_refuse_the_whole_request_at_once(tei: Opens) -> None:
    model = replace(INSTANT, service=Slots(4, 0.05), max_concurrent_requests=40)
    async with tei(model) as server:
        answers = await asyncio.gather(*(server.embed(*["a"] * 32) for _ in range(3)))
        stats = server.simulator.stats()
        later = await server.embed(*["a"] * 32)
    assert sorted(a.status_code for a in answers) == [200, 429, 429]
    assert stats["overloaded"] == 2
    assert stats["inputs_in_flight"] == 0
    assert stats["max_inputs_in_flight"] == 32
    assert later.status_code == 200


async def test_more_texts_than_permits_are_refused_for_ever(tei: Opens) -> None:
    async with tei(replace(INSTANT, max_concurrent_requests=8)) as server:
        answers = [await server.embed(*["a"] * 9) for _ in range(3)]
    assert [a.status_code for a in answers] == [429] * 3
    assert answers[0].json() == {"error": "Model is overloaded", "error_type": "Overloaded"}


async def test_up_to_1_8_batches_wait_for_permits_and_single_texts_do_not(tei: Opens) -> None:
    model = replace(INSTANT, service=Slots(4, 0.05), max_concurrent_requests=32, version="1.8.3")
    async with tei(model) as server:
        first = asyncio.ensure_future(server.embed(*["a"] * 32))
        second = asyncio.ensure_future(server.embed(*["b"] * 32))
        await until(lambda: server.simulator.stats()["inputs_in_flight"] > 0)
        single = await server.embed("c")
        answers = await asyncio.gather(first, second)
    assert single.status_code == 429
    assert [a.status_code for a in answers] == [200, 200]


async def test_a_client_that_leaves_gives_its_permits_back(tei: Opens) -> None:
    async with tei(replace(INSTANT, max_concurrent_requests=32)) as server:
        stuck = replace(INSTANT, service=Slots(1, 3600), max_concurrent_requests=32)
        server.simulator.service = TeiService(stuck)
        with pytest.raises(httpx.ReadTimeout):
            await server.client.post("/embed", json={"inputs": ["a"] * 32}, timeout=0.1)
        await until(lambda: server.simulator.stats()["inputs_in_flight"] == 0)


# --- faults ---


async def test_faults_are_set_over_http_and_counted(tei: Opens) -> None:
    async with tei(INSTANT) as server:
        faults = [
            Fault("status", path="/embed", first=1, count=1, status=503, body="down"),
            Fault("status", marker="poison", status=422, body='{"error":"no"}'),
        ]
        body = {"faults": [fault.as_json() for fault in faults]}
        assert (await server.client.post("/_sim/faults", json=body)).status_code == 200
        answers = [await server.embed(t) for t in ("a", "b", "c", "a poison", "d")]
        info = await server.client.get("/info")
        stats = (await server.client.get("/_sim/stats")).json()
    assert [a.status_code for a in answers] == [200, 503, 200, 422, 200]
    assert info.status_code == 200
    assert stats["faults_fired"] == [1, 1]
    assert stats["inputs"] == 3


async def test_a_fault_that_is_not_known_is_refused_by_name(tei: Opens) -> None:
    async with tei(INSTANT) as server:
        body = {"faults": [{"kind": "reset", "pth": "/embed"}]}
        answer = await server.client.post("/_sim/faults", json=body)
    assert answer.status_code == 400
    assert "pth" in answer.json()["error"]


async def test_a_straggler_works_longer_than_the_others(tei: Opens) -> None:
    model = replace(INSTANT, service=Slots(4, 0.01))
    async with tei(model) as server:
        server.simulator.faults.set([Fault("slow", first=1, count=1, factor=(5.0, 5.0))])
        answers = [await server.embed("a") for _ in range(3)]
    assert [a.headers["x-inference-time"] for a in answers] == ["10", "50", "10"]


async def test_a_reset_after_the_work_has_done_the_work(tei: Opens) -> None:
    async with tei(INSTANT) as server:
        server.simulator.faults.set(
            [Fault("reset", count=1), Fault("reset", when="after", first=1, count=1)]
        )
        for done in (0, 1):
            with pytest.raises(httpx.TransportError):
                await server.embed("a")
            assert server.simulator.stats()["inputs"] == done


async def test_a_server_that_went_down_comes_back_on_its_port(tei: Opens) -> None:
    async with tei(INSTANT) as server:
        assert (await server.embed("a")).status_code == 200
        await server.simulator.down()
        with pytest.raises(httpx.TransportError):
            await server.embed("a")
        await server.simulator.up()
        assert (await server.embed("a")).status_code == 200
