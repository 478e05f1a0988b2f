"""What the TEI embedder finds out by itself, and what it does about long texts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import numpy as np
import pytest

from pulse_cli.embed.tei import open_tei
from pulse_cli.errors import Fatal, Rejected, Transient
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator
from pulse_cli.simulators.profiles import PROFILES, Slots
from pulse_cli.simulators.tei import TeiService

Serves = Callable[..., AbstractAsyncContextManager[Simulator]]


@pytest.mark.parametrize(
    ("permits", "most", "batch", "in_flight", "start"),
    [
        (512, 32, 32, 12, 2),
        (512, 8, 8, 48, 2),
        (512, 128, 32, 12, 2),
        (64, 32, 32, 1, 1),
        (20, 32, 10, 1, 1),
        (1, 32, 1, 1, 1),
    ],
)
async def test_limits_leave_room_among_the_permits(
    serve: Serves, permits: int, most: int, batch: int, in_flight: int, start: int
) -> None:
    async with serve(max_concurrent_requests=permits, max_client_batch_size=most) as server:
        tei = await open_tei(server.url)
        await tei.close()
    limits = tei.limits
    assert (limits.batch, limits.in_flight, limits.start) == (batch, in_flight, start)
    assert limits.max_tokens == 512
    assert (tei.model, tei.dimension) == ("simulated/embedder", 384)


async def test_full_use_of_the_limits_is_never_refused(serve: Serves) -> None:
    async with serve(service=Slots(64, 0.02), max_concurrent_requests=100) as server:
        tei = await open_tei(server.url)
        texts = ["text"] * tei.limits.batch
        await asyncio.gather(*(tei.embed(texts) for _ in range(tei.limits.in_flight)))
        stats = server.stats()
        await tei.close()
    assert stats["overloaded"] == 0
    assert stats["max_inputs_in_flight"] == tei.limits.batch * tei.limits.in_flight


async def test_a_smaller_batch_can_be_asked_for_but_not_a_larger_one(serve: Serves) -> None:
    async with serve(max_client_batch_size=16) as server:
        for asked, got in ((4, 4), (64, 16)):
            tei = await open_tei(server.url, batch=asked)
            await tei.close()
            assert tei.limits.batch == got


async def test_an_info_that_is_hidden_leaves_the_defaults(serve: Serves) -> None:
    async with serve([Fault("status", path="/info", status=404)]) as server:
        tei = await open_tei(server.url)
        await tei.close()
    assert (tei.limits.batch, tei.limits.in_flight, tei.limits.max_tokens) == (32, 12, 512)


async def test_a_prompt_of_the_server_is_taken_off_what_a_text_may_hold(serve: Serves) -> None:
    async with serve(default_prompt="search_document: ") as server:
        tei = await open_tei(server.url)
        # 512 with [CLS] and [SEP]; as many words as are left must pass uncut.
        words = tei.limits.max_tokens - 2
        fits = await tei.embed(["word " * words])
        over = await tei.embed(["word " * (words + 1)])
        await tei.close()
    assert tei.limits.max_tokens == 512 - 4  # search, _, document, :
    assert (fits.truncated, over.truncated) == (0, 1)


async def test_without_tokenize_nothing_is_known_of_a_prompt(serve: Serves) -> None:
    async with serve([Fault("status", path="/tokenize", status=404)]) as server:
        tei = await open_tei(server.url)
        await tei.close()
    assert tei.overhead.special is None
    assert tei.limits.max_tokens == 512


@pytest.mark.parametrize("version", ["1.8.3", "1.9.3"])
async def test_one_long_text_is_cut_and_counted_several_are_the_callers_to_part(
    serve: Serves, version: str
) -> None:
    async with serve(version=version) as server:
        tei = await open_tei(server.url)
        with pytest.raises(Rejected) as several:
            await tei.embed(["short", "word " * 600])
        tokens = await tei.embed(["word " * 600])
        characters = await tei.embed(["x" * 200_000])
        short = await tei.embed(["short"])
        await tei.close()
    assert (several.value.reason, several.value.max_batch) == ("too-long", None)
    assert [v.truncated for v in (tokens, characters, short)] == [1, 1, 0]


@pytest.mark.parametrize("version", ["1.8.3", "1.9.3"])
async def test_a_batch_beyond_the_limit_comes_back_with_the_limit(
    serve: Serves, version: str
) -> None:
    async with serve(version=version, max_client_batch_size=5) as server:
        tei = await open_tei(server.url)
        with pytest.raises(Rejected) as refused:
            await tei.embed(["a"] * 6)
        await tei.close()
    assert refused.value.max_batch == 5


async def test_a_body_beyond_the_limit_asks_for_half(serve: Serves) -> None:
    async with serve(payload_limit=1000) as server:
        tei = await open_tei(server.url)
        with pytest.raises(Rejected) as several:
            await tei.embed(["a" * 300] * 8)
        with pytest.raises(Rejected) as single:
            await tei.embed(["a" * 3000])
        await tei.close()
    assert (several.value.reason, several.value.max_batch) == ("too-large", 4)
    assert (single.value.reason, single.value.max_batch) == ("too-large", None)


async def test_an_empty_text_is_rejected(serve: Serves) -> None:
    async with serve() as server:
        tei = await open_tei(server.url)
        with pytest.raises(Rejected) as refused:
            await tei.embed([""])
        await tei.close()
    assert refused.value.reason == "empty"


async def test_the_body_of_a_full_batch_stays_below_the_payload_limit(serve: Serves) -> None:
    async with serve(max_input_length=100_000) as server:
        tei = await open_tei(server.url)
        # As many bytes as a batch may have, each of which JSON writes as two.
        text = "\n" * (tei.limits.batch_bytes // tei.limits.batch)
        vectors = await tei.embed([text] * tei.limits.batch)
        await tei.close()
    assert len(vectors.rows) == 32


async def test_a_prefix_is_part_of_the_text(serve: Serves) -> None:
    async with serve() as server:
        plain = await open_tei(server.url)
        prefixed = await open_tei(server.url, document_prefix="passage: ", query_prefix="query: ")
        expected = (await plain.embed(["passage: a", "query: a"])).rows
        document = (await prefixed.embed(["a"])).rows[0]
        query = await prefixed.embed_query("a")
        await plain.close()
        await prefixed.close()
    assert np.array_equal(document, expected[0])
    assert np.array_equal(query, expected[1])


async def test_the_servers_own_account_of_time_is_passed_on(serve: Serves) -> None:
    async with serve(service=Slots(1, 0.05)) as server:
        tei = await open_tei(server.url)
        both = await asyncio.gather(tei.embed(["a"]), tei.embed(["b"]))
        await tei.close()
    assert [v.work_s for v in both] == [0.05, 0.05]
    first, second = sorted(v.queue_s or 0.0 for v in both)
    assert first == 0 < second


@pytest.mark.parametrize(
    "model_type",
    [{"classifier": {"id2label": {}}}, {"reranker": {}}, {"embedding": {"pooling": "splade"}}],
)
async def test_a_server_without_dense_embeddings_is_refused_at_once(
    serve: Serves, model_type: object
) -> None:
    info = json.dumps({"model_id": "m", "model_type": model_type})
    async with serve([Fault("status", path="/info", status=200, body=info)]) as server:
        with pytest.raises(Fatal, match="no dense vectors") as refused:
            await open_tei(server.url)
    assert refused.value.hint


async def test_another_model_behind_the_address_stops_the_run(serve: Serves) -> None:
    async with serve() as server:
        tei = await open_tei(server.url)
        server.service = TeiService(replace(PROFILES["instant"].tei, dimension=512))
        with pytest.raises(Fatal, match="512 numbers, not 384"):
            await tei.embed(["a", "b"])
        with pytest.raises(Fatal):
            await tei.embed(["a"])
        await tei.close()


async def test_it_says_whether_the_server_is_up(serve: Serves) -> None:
    async with serve() as server:
        tei = await open_tei(server.url)
        assert await tei.ready()
        server.faults.set([Fault("status", path="/health", status=503, count=1)])
        assert not await tei.ready()
        await server.down()
        assert not await tei.ready()
        with pytest.raises(Transient):
            await tei.embed(["a"])
        await server.up()
        assert await tei.ready()
        assert len((await tei.embed(["a"])).rows) == 1
        await tei.close()


async def test_a_query_may_be_long(serve: Serves) -> None:
    async with serve() as server:
        tei = await open_tei(server.url)
        row = await tei.embed_query("word " * 2000)
        await tei.close()
    assert row.shape == (384,)
