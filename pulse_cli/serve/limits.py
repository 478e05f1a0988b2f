"""What one request may cost: the size of its body, the time it takes to send it, the memory of all.

A plain ASGI layer before the application, so that no handler has to think of it:
- a body over `max_body` bytes is refused with 413, by its declared length at once and by what
  really arrives otherwise;
- a body that is not complete after `BODY_SECONDS`, and one more second for each `SLOWEST`
  declared bytes, is refused with 408;
- the bodies in memory at one time hold at most `max_in_memory` bytes. More stays unread in its
  connection; where no room comes within `ROOM_SECONDS` the request is refused with 503.

A sender that drips bytes therefore holds its connection and what it has sent, nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import orjson

BODY_SECONDS = 30.0
SLOWEST = 256 << 10
ROOM_SECONDS = 10.0
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class BodyLimits:
    """`BodyLimits(app, max_body=…, max_in_memory=…)` is the application with these limits."""

    def __init__(
        self,
        app: App,
        *,
        max_body: int,
        max_in_memory: int,
        seconds: float = BODY_SECONDS,
        room_seconds: float = ROOM_SECONDS,
    ) -> None:
        self._app = app
        self._max_body = max_body
        self._seconds = seconds
        self._memory = _Memory(max(max_in_memory, max_body), room_seconds)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = _declared_length(scope)
        if declared is not None and declared > self._max_body:
            await _refuse(send, 413, f"the body is longer than {self._max_body:,} bytes")
            return
        body = _Body(receive, self._memory, self._max_body)
        try:
            async with asyncio.timeout(self._seconds + (declared or 0) / SLOWEST):
                whole = await body.read()
        except _Refused as refused:
            body.release()
            await _refuse(send, refused.status, str(refused))
            return
        except TimeoutError:
            body.release()
            await _refuse(send, 408, "the body did not arrive in time")
            return
        try:
            if whole is not None:  # else the sender has gone
                await self._app(scope, _replay(whole, receive), send)
        finally:
            body.release()


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Memory:
    """Bytes that may be held at one time."""

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._held = 0
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        """Raises _Refused (503) where no room comes in time."""
        try:
            async with asyncio.timeout(self._patience):
                while self._held and self._held + size > self._most:
                    self._freed.clear()
                    await self._freed.wait()
        except TimeoutError:
            raise _Refused(503, "too many requests at once; send it again later") from None
        self._held += size

    def give_back(self, size: int) -> None:
        self._held -= size
        self._freed.set()


class _Body:
    """The body of one request, read into memory as far as it is allowed."""

    def __init__(self, receive: Receive, memory: _Memory, most: int) -> None:
        self._receive = receive
        self._memory = memory
        self._most = most
        self._held = 0

    async def read(self) -> bytes | None:
        """The whole body; None where the sender has gone. Raises _Refused (413, 503)."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            if self._held + len(part) > self._most:
                raise _Refused(413, f"the body is longer than {self._most:,} bytes")
            if part:
                await self._memory.take(len(part))
                self._held += len(part)
                parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    def release(self) -> None:
        self._memory.give_back(self._held)
        self._held = 0


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever the connection says."""
    body_given = False

    async def again() -> Message:
        nonlocal body_given
        if body_given:
            return await receive()
        body_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _declared_length(scope: MutableMapping[str, Any]) -> int | None:
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return None


async def _refuse(send: Send, status: int, message: str) -> None:
    body = orjson.dumps({"detail": message})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
