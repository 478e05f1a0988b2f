"""Limits on bodies: refused early, refused late, slow senders, and the memory of all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pulse_cli.serve.limits import BodyLimits


class Exchange:
    """One request against the application: parts are handed in, the answer is kept."""

    def __init__(self, parts: AsyncIterator[bytes], declared: int | None = None) -> None:
        self._parts = parts
        length = [] if declared is None else [(b"content-length", b"%d" % declared)]
        self.scope: dict[str, Any] = {"type": "http", "headers": length}
        self.status = 0
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        try:
            part = await anext(self._parts)
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


async def parts(*given: bytes) -> AsyncIterator[bytes]:
    for part in given:
        yield part


async def never() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.Event().wait()


class Echo:
    """Answers 200 with the length of the body, when it is let."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.began = asyncio.Event()
        self.at_work = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.at_work += 1
        self.began.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"%d" % len(message["body"])})


async def ask(app: Any, exchange: Exchange) -> Exchange:
    await app(exchange.scope, exchange.receive, exchange.send)
    return exchange


async def test_a_body_in_parts_arrives_whole() -> None:
    app = BodyLimits(Echo(), max_body=100, max_in_memory=100)
    done = await ask(app, Exchange(parts(b"12", b"345")))
    assert (done.status, done.body) == (200, b"5")


async def test_too_long_by_its_own_word_is_refused_unread() -> None:
    app = BodyLimits(Echo(), max_body=100, max_in_memory=100)
    assert (await ask(app, Exchange(never(), declared=101))).status == 413
    assert (await ask(app, Exchange(parts(b"1"), declared=10**400))).status == 413


async def test_too_long_without_a_word_is_refused_when_it_is() -> None:
    app = BodyLimits(Echo(), max_body=100, max_in_memory=100)
    assert (await ask(app, Exchange(parts(b"x" * 60, b"x" * 60)))).status == 413
    lied = await ask(app, Exchange(parts(b"x" * 60, b"x" * 60), declared=10))
    assert lied.status == 413


async def test_a_body_that_never_ends_is_refused_in_time() -> None:
    app = BodyLimits(Echo(), max_body=100, max_in_memory=100, seconds=0.01)
    assert (await ask(app, Exchange(never()))).status == 408


async def test_bodies_wait_for_room_and_get_it() -> None:
    echo = Echo()
    echo.may_answer.clear()
    app = BodyLimits(echo, max_body=60, max_in_memory=100)
    first = asyncio.create_task(ask(app, Exchange(parts(b"x" * 60))))
    second = asyncio.create_task(ask(app, Exchange(parts(b"x" * 60))))
    await echo.began.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    assert echo.at_work == 1
    echo.may_answer.set()
    assert [one.status for one in await asyncio.gather(first, second)] == [200, 200]


async def test_no_room_for_long_is_a_wish_to_come_again() -> None:
    echo = Echo()
    echo.may_answer.clear()
    app = BodyLimits(echo, max_body=60, max_in_memory=100, room_seconds=0.01)
    first = asyncio.create_task(ask(app, Exchange(parts(b"x" * 60))))
    await echo.began.wait()
    assert (await ask(app, Exchange(parts(b"x" * 60)))).status == 503
    echo.may_answer.set()
    assert (await first).status == 200
    assert (await ask(app, Exchange(parts(b"x" * 60)))).status == 200
