"""Every way in which an embedding server fails, over real TCP, and the class of error it gets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.utils import formatdate
from time import time
from typing import Any

import numpy as np
import pytest

from pulse_cli.embed.openai import open_openai
from pulse_cli.embed.tei import open_tei
from pulse_cli.errors import AnswerTooLarge, Fatal, Malformed, PulseError, Rejected, Transient
from pulse_cli.ports import Embedder
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.http import Simulator

Serves = Callable[..., AbstractAsyncContextManager[Simulator]]
SECRET = "canary-7f3a"


@pytest.fixture(params=["tei", "openai"])
def opened(
    serve: Serves, request: pytest.FixtureRequest
) -> Callable[..., AbstractAsyncContextManager[tuple[Embedder, Simulator]]]:
    """An embedder that is open before its server begins to fail."""

    @asynccontextmanager
    async def opens(
        *faults: Fault, deadline: float = 30, **model: Any
    ) -> AsyncIterator[tuple[Embedder, Simulator]]:
        async with serve(api_key=SECRET, **model) as server:
            embedder: Embedder
            if request.param == "tei":
                embedder = await open_tei(server.url, api_key=SECRET, timeout=deadline)
            else:
                embedder = await open_openai(server.url, "m", api_key=SECRET, timeout=deadline)
            server.faults.set(faults)
            server.reset()
            try:
                yield embedder, server
            finally:
                await embedder.close()

    return opens


async def error_of(embedder: Embedder, *texts: str) -> PulseError:
    with pytest.raises(PulseError) as caught:
        await embedder.embed(list(texts))
    return caught.value


STATUSES = [
    (429, "", Transient),
    (500, "boom", Transient),
    (502, "<html>Bad Gateway</html>", Transient),
    (503, '{"error":"unhealthy","error_type":"Unhealthy"}', Transient),
    (504, "", Transient),
    (408, "", Transient),
    (424, '{"error":"CUDA_ERROR_OUT_OF_MEMORY","error_type":"Backend"}', Transient),
    (424, '{"error":"Model is not an embedding model with SPLADE pooling"}', Fatal),
    (424, '{"error":"Model is not an embedding model"}', Fatal),
    (400, '{"error":"`inputs` cannot be empty","error_type":"Empty"}', Rejected),
    (400, '{"error":{"message":"something with this text","code":null}}', Rejected),
    (422, '{"error":"tokenizer error","error_type":"Tokenizer"}', Rejected),
    (413, "length limit exceeded", Rejected),
    (401, "", Fatal),
    (403, "", Fatal),
    (404, "", Fatal),
    (405, "", Fatal),
    (415, "Expected request with `Content-Type: application/json`", Fatal),
    (302, "", Fatal),
    (204, "", Malformed),
]


@pytest.mark.parametrize(("status", "body", "expected"), STATUSES)
async def test_a_status_has_its_class(
    opened: Any, status: int, body: str, expected: type[PulseError]
) -> None:
    async with opened(Fault("status", status=status, body=body)) as (embedder, server):
        error = await error_of(embedder, "a", "b")
    assert type(error) is expected
    assert server.url in str(error)
    assert isinstance(error, Fatal) <= bool(getattr(error, "hint", ""))
    assert server.faults.fired == [1]  # asked once: waiting and repeating is the caller's


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        ("86400", 60, 60),
        (3600.0, 60, 60),
        (-3600.0, 0, 0),
        (30.0, 1, 30),
    ],
)
async def test_retry_after_is_obeyed_within_reason(
    opened: Any, value: str | float, low: float, high: float
) -> None:
    """As seconds, or as a date so many seconds from now."""
    for status in (429, 503):
        if isinstance(value, float):
            value = formatdate(time() + value, usegmt=True)
        fault = Fault("status", status=status, headers={"Retry-After": value})
        async with opened(fault) as (embedder, _):
            error = await error_of(embedder, "a")
        assert isinstance(error, Transient)
        assert error.overload is (status == 429)
        assert error.retry_after is not None
        assert low <= error.retry_after <= high


@pytest.mark.parametrize("value", ["nan", "soon", "", "inf2"])
async def test_a_retry_after_that_says_nothing_is_none(opened: Any, value: str) -> None:
    fault = Fault("status", status=429, headers={"Retry-After": value})
    async with opened(fault) as (embedder, _):
        error = await error_of(embedder, "a")
    assert isinstance(error, Transient)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("fault", "times_out"),
    [
        (Fault("reset", count=2), False),
        (Fault("reset", when="body", count=2), False),
        (Fault("reset", when="after", count=2), False),
        (Fault("hang", count=1), True),
        (Fault("drip", seconds=0.02, count=1), True),
        (Fault("slow", seconds=60, count=1), True),
    ],
)
async def test_a_broken_or_endless_answer_is_waited_out(
    opened: Any, fault: Fault, times_out: bool
) -> None:
    async with opened(fault, deadline=0.3) as (embedder, _), asyncio.timeout(20):
        error = await error_of(embedder, "a", "b")
        assert isinstance(error, Transient)
        assert error.timeout is times_out
        assert len((await embedder.embed(["a", "b"])).rows) == 2


@pytest.mark.parametrize("when", ["before", "body", "after"])
async def test_a_connection_that_breaks_when_it_is_used_again_costs_nothing(
    opened: Any, when: Any
) -> None:
    async with opened(Fault("reset", when=when, count=1)) as (embedder, server):
        assert len((await embedder.embed(["a", "b"])).rows) == 2
        assert server.faults.fired == [1]


async def test_a_connection_closed_while_idle_costs_nothing(opened: Any) -> None:
    async with opened() as (embedder, server):
        await embedder.embed(["a"])
        await server.down()
        await server.up()
        assert (await embedder.embed(["a"])).rows.shape == (1, 384)


@pytest.mark.parametrize("kind", ["invalid-json", "truncated-json", "html", "gzip-bomb"])
async def test_an_answer_that_is_not_one_may_be_the_proxys_fault(opened: Any, kind: Any) -> None:
    async with opened(Fault(kind, count=2)) as (embedder, _):
        for texts in (["a"], ["a", "b"]):
            error = await error_of(embedder, *texts)
            assert type(error) is Malformed
            assert (kind == "gzip-bomb") is ("compressed (gzip)" in str(error))
        assert len((await embedder.embed(["a"])).rows) == 1


async def test_an_answer_without_end_is_cut_off(opened: Any) -> None:
    endless = Fault("status", status=200, body=" " * (65 << 20))
    async with opened(endless) as (embedder, _):
        error = await error_of(embedder, "a")
    assert type(error) is AnswerTooLarge
    assert "67,108,864 bytes" in str(error)


BAD_VECTORS = ["fewer", "more", "null", "nan", "huge", "string", "zero", "mixed-dimension"]


@pytest.mark.parametrize("kind", BAD_VECTORS)
async def test_a_bad_vector_gives_several_texts_back(opened: Any, kind: Any) -> None:
    async with opened(Fault(kind)) as (embedder, server):
        error = await error_of(embedder, "a", "b", "c")
    assert isinstance(error, Rejected)
    assert (error.reason, error.max_batch) == ("bad-vector", None)
    assert server.stats()["requests"] == 1


@pytest.mark.parametrize("kind", [*BAD_VECTORS, "dimension"])
async def test_a_single_text_has_a_second_try(opened: Any, kind: Any) -> None:
    async with opened(Fault(kind, count=1)) as (embedder, server):
        good = (await embedder.embed(["a"])).rows
        assert server.faults.fired == [1]
        assert np.array_equal(good, (await embedder.embed(["a", "b"])).rows[:1])


@pytest.mark.parametrize("kind", [k for k in BAD_VECTORS if k != "mixed-dimension"])
async def test_a_single_text_that_fails_twice_is_rejected(opened: Any, kind: Any) -> None:
    async with opened(Fault(kind)) as (embedder, server):
        error = await error_of(embedder, "a")
    assert isinstance(error, Rejected)
    assert error.reason == "bad-vector"
    assert server.stats()["requests"] == 2


async def test_a_new_dimension_of_all_vectors_is_fatal(opened: Any) -> None:
    async with opened(Fault("dimension")) as (embedder, _):
        for texts in (["a", "b"], ["a"]):
            error = await error_of(embedder, *texts)
            assert isinstance(error, Fatal)
            assert "383 numbers, not 384" in str(error)


@pytest.mark.parametrize(
    ("scheme", "words"), [("http", "cannot connect to"), ("https", "does not speak TLS")]
)
async def test_a_server_that_cannot_be_spoken_to(serve: Serves, scheme: str, words: str) -> None:
    async with serve() as server:
        url = server.url.replace("http:", f"{scheme}:")
        if scheme == "http":
            await server.down()
        with pytest.raises(PulseError, match=words) as error:
            await open_tei(url)
    assert type(error.value) is (Transient if scheme == "http" else Fatal)


async def test_a_name_that_does_not_resolve_is_transient() -> None:
    with pytest.raises(
        Transient, match=r"cannot connect to the embedder at http://nowhere\.invalid"
    ):
        await open_tei("http://nowhere.invalid:1")


async def test_a_redirect_is_not_followed_and_its_target_shown_without_secrets(
    opened: Any, serve: Serves
) -> None:
    async with serve() as other:
        target = other.url.replace("//", f"//user:{SECRET}@") + f"/embed?key={SECRET}"
        fault = Fault("status", status=307, headers={"Location": target})
        async with opened(fault) as (embedder, _):
            error = await error_of(embedder, "a")
        assert other.opened == 0
    assert "/embed" in str(error)
    assert SECRET not in str(error)


async def test_text_that_is_not_unicode_is_rejected(opened: Any) -> None:
    async with opened() as (embedder, _):
        error = await error_of(embedder, "half a pair: \ud800")
    assert isinstance(error, Rejected)
    assert error.reason == "not-unicode"


async def test_no_secret_is_ever_shown(opened: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    echo = f"wrong key: Bearer {SECRET}"
    faults = [Fault("status", status=s, body=echo, count=1) for s in (400, 401, 403, 424, 429, 500)]
    faults += [Fault("reset", count=2), Fault("status", status=200, body=echo, count=1)]
    async with opened() as (embedder, server):
        shown += [repr(embedder), repr(vars(embedder))]
        for fault in faults:
            server.faults.set([fault])
            error = await error_of(embedder, "a", "b")
            shown += [str(error), repr(error), getattr(error, "hint", "")]
    assert SECRET not in "".join(shown) + caplog.text
    assert "wrong key: Bearer ***" in "".join(shown)
