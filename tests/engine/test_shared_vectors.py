"""A text is embedded once while it is remembered, and nothing is answered for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pulse_cli.engine.shared_vectors import SharedVectors
from pulse_cli.errors import Rejected, Transient
from pulse_cli.model import EmbedLimits, Vectors

if TYPE_CHECKING:
    from pulse_cli.model import Floats
    from tests.engine.conftest import JumpClock


class Slow:
    """Text "7" has vector [7]; each request takes a second; `errors` are raised in turn."""

    model, dimension = "slow", 1
    limits = EmbedLimits(8, 10**9, 8, 2, 512)

    def __init__(self, clock: JumpClock) -> None:
        self.requests: list[list[str]] = []
        self.errors: list[Exception] = []
        self.truncated = 0
        self._clock = clock

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.requests.append(list(texts))
        await self._clock.sleep(1.0)
        if self.errors:
            raise self.errors.pop(0)
        return Vectors(np.array([[float(text)] for text in texts], np.float32), self.truncated)

    async def embed_query(self, text: str) -> Floats:
        raise AssertionError("not asked")

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        pass


async def ask(shared: SharedVectors, *texts: str) -> bool:
    vectors, asked = await shared.embed(texts)
    assert [float(row[0]) for row in vectors.rows] == [float(text) for text in texts]
    return asked


async def test_a_text_is_sent_once(clock: JumpClock) -> None:
    embedder = Slow(clock)
    shared = SharedVectors(embedder)

    async def work() -> None:
        assert await ask(shared, "1", "2", "1")
        assert await ask(shared, "3", "2", "1")
        assert not await ask(shared, "2", "3")

    await clock.run(work())
    assert embedder.requests == [["1", "2"], ["3"]]


async def test_requests_at_the_same_time_share_what_both_hold(clock: JumpClock) -> None:
    embedder = Slow(clock)
    shared = SharedVectors(embedder)
    asked = await clock.run(
        gathered(ask(shared, "1", "2"), ask(shared, "2", "3"), ask(shared, "2", "1"))
    )
    assert asked == [True, True, False]
    assert embedder.requests == [["1", "2"], ["3"]]


async def gathered(*work: object) -> list[object]:
    return await asyncio.gather(*work)  # type: ignore[call-overload]


@pytest.mark.parametrize("error", [Transient("down"), Rejected("no", reason="bad-text")])
async def test_who_waited_for_a_request_that_failed_asks_itself(
    clock: JumpClock, error: Exception
) -> None:
    embedder = Slow(clock)
    embedder.errors = [error]
    shared = SharedVectors(embedder)

    async def failing() -> str:
        with pytest.raises(type(error)):
            await ask(shared, "1", "2")
        return "failed"

    assert await clock.run(gathered(failing(), ask(shared, "2"))) == ["failed", True]
    assert embedder.requests == [["1", "2"], ["2"]]


async def test_who_is_cancelled_while_waiting_disturbs_nobody(clock: JumpClock) -> None:
    embedder = Slow(clock)
    shared = SharedVectors(embedder)

    async def work() -> None:
        first = asyncio.ensure_future(ask(shared, "1"))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(ask(shared, "1"))
        await asyncio.sleep(0)
        second.cancel()
        assert await first is True
        assert await ask(shared, "1") is False

    await clock.run(work())
    assert embedder.requests == [["1"]]


async def test_the_oldest_are_forgotten(clock: JumpClock) -> None:
    embedder = Slow(clock)
    shared = SharedVectors(embedder, most_bytes=3 * 204)

    async def work() -> None:
        for text in "123412345":
            await ask(shared, text)

    await clock.run(work())
    assert [text for (text,) in embedder.requests] == list("123412345")
    assert [text for text in "12345" if shared.known(text) is not None] == ["3", "4", "5"]


async def test_a_text_that_the_server_cut_is_sent_again_to_be_counted(clock: JumpClock) -> None:
    embedder = Slow(clock)
    embedder.truncated = 1
    shared = SharedVectors(embedder)
    await clock.run(ask(shared, "1"))
    assert shared.known("1") is None
