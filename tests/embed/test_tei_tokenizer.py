"""Counting by the server's /tokenize: equal to the reference, whatever the server adds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from tokenizers import Tokenizer

from pulse_cli.embed.tei import open_tei
from pulse_cli.embed.tei_tokenizer import TeiTokenizer, same_counts
from pulse_cli.errors import Fatal, Transient
from pulse_cli.prepare import HARD_SAMPLE, vendored_tokenizer
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator

Serves = Callable[..., AbstractAsyncContextManager[Simulator]]


@pytest.fixture(scope="module")
def reference() -> Callable[[str], int]:
    tokenizer = Tokenizer.from_str(vendored_tokenizer().decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("prompt", ["", "query: "])
async def test_it_counts_as_the_reference_does(
    serve: Serves, reference: Callable[[str], int], prompt: str
) -> None:
    texts = ["", *HARD_SAMPLE, "plain words", ""]
    async with serve(default_prompt=prompt, max_client_batch_size=3) as server:
        tei = await open_tei(server.url)
        counter = TeiTokenizer(tei)
        counts = await asyncio.to_thread(counter.count, texts)
        requests = server.stats()["tokenize_requests"] - 1  # one was the probe
        same = await same_counts(tei, HARD_SAMPLE, [reference(t) for t in HARD_SAMPLE])
        other = await same_counts(tei, ["one two"], [3])
        await tei.close()
    assert counts == [reference(text) for text in texts]
    assert (counter.special, counter.name) == (2, "tei:simulated/embedder")
    asked = sum(1 for text in texts if text)
    assert requests == -(-asked // 3)
    assert (same, other) == (True, False)


async def test_many_threads_may_count_at_once(serve: Serves) -> None:
    async with serve() as server:
        tei = await open_tei(server.url)
        counter = TeiTokenizer(tei)
        counted = await asyncio.gather(
            *(asyncio.to_thread(counter.count, ["word " * n] * 40) for n in range(1, 9))
        )
        await tei.close()
    assert counted == [[n] * 40 for n in range(1, 9)]


async def test_what_passes_is_waited_for_and_what_stays_is_raised(serve: Serves) -> None:
    waited: list[float] = []
    async with serve() as server:
        tei = await open_tei(server.url)
        counter = TeiTokenizer(tei, sleep=waited.append)
        path = "/tokenize"
        server.faults.set(
            [
                Fault("status", path=path, status=429, headers={"Retry-After": "9"}, count=1),
                Fault("reset", path=path, first=1, count=2),
                Fault("status", path=path, status=503, first=3, count=1),
            ]
        )
        assert await asyncio.to_thread(counter.count, ["two words"]) == [2]
        assert waited == [9, 0.5, 1.0]
        server.faults.set([Fault("status", path=path, status=503)])
        with pytest.raises(Transient):
            await asyncio.to_thread(counter.count, ["two words"])
        assert server.faults.fired == [6]
        await tei.close()


async def test_a_slow_drip_ends_with_the_deadline(serve: Serves) -> None:
    async with serve() as server:
        tei = await open_tei(server.url)
        counter = TeiTokenizer(tei, timeout=0.1, sleep=lambda _: None)
        server.faults.set([Fault("drip", path="/tokenize", seconds=0.01)])
        with pytest.raises(Transient) as error:
            await asyncio.to_thread(counter.count, ["a"])
        assert error.value.timeout
        await tei.close()


async def test_a_server_without_tokenize_cannot_count(serve: Serves) -> None:
    async with serve([Fault("status", path="/tokenize", status=404)]) as server:
        tei = await open_tei(server.url)
        assert not await same_counts(tei, ["a"], [1])
        with pytest.raises(Fatal, match="cannot count tokens"):
            TeiTokenizer(tei)
        await tei.close()
