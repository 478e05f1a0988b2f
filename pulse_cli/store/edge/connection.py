"""A connection of this process to the owner of a collection.

Several requests may be in flight; the owner may answer them in another order. The answer to a
caller that was cancelled is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import Any

import pulse_cli
from pulse_cli.store.edge.listening import peer
from pulse_cli.store.edge.protocol import PROTOCOL, Malformed, Unpacker, pack


class Died(Exception):
    """The owner (process `pid`) ended with unanswered requests, or was killed for `reason`."""

    def __init__(self, pid: int, reason: str = "") -> None:
        super().__init__(reason)
        self.pid = pid
        self.reason = reason


class Answered(Exception):
    """The owner answered with an error of `kind` locked, missing, gone, os, engine, protocol."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Stranger(Exception):
    """The process that listens belongs to another user."""


class Connection(asyncio.Protocol):
    """Made by `connect`. `pid` is the owner's."""

    def __init__(self, process: tuple[int, int] | None) -> None:
        self.pid = process[0] if process else 0
        self._unpacker = Unpacker()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.get_running_loop().create_future()

    @classmethod
    async def connect(cls, address: str, deadline: float) -> Connection:
        """Connect and greet. Raises OSError where nobody listens, Stranger, Died, Answered."""
        with contextlib.ExitStack() as undo:
            client = undo.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect(address)
            other = peer(client)
            if other is not None and other[1] != os.geteuid():
                raise Stranger(f"user {other[1]}")
            loop = asyncio.get_running_loop()
            transport, made = await loop.create_unix_connection(lambda: cls(other), sock=client)
            undo.pop_all()
        made._transport = transport
        try:
            await made._greet(deadline)
        except BaseException:
            made.abandon()
            raise
        return made

    async def _greet(self, deadline: float) -> None:
        mine = {"protocol": PROTOCOL, "pulse": pulse_cli.__version__, "pid": os.getpid()}
        greeting = await self._answer(0, mine, b"", deadline)
        if greeting["protocol"] != PROTOCOL:
            raise Answered("protocol", f"pulse {greeting['pulse']}, process {greeting['pid']}")
        self.pid = greeting["pid"]

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def call(self, header: dict[str, Any], body: bytes | memoryview, deadline: float) -> Any:
        """The result of one request. Raises Died, Answered; TypeError as `pack`."""
        self._last += 1
        answer = await self._answer(self._last, {**header, "id": self._last}, body, deadline)
        if "error" in answer:
            raise Answered(answer["kind"], answer["error"])
        return answer["result"]

    async def _answer(
        self, number: int, header: dict[str, Any], body: bytes | memoryview, deadline: float
    ) -> dict[str, Any]:
        message = pack(header, body)
        if not self.alive:
            raise Died(self.pid)
        assert self._transport is not None
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._transport.write(message)
            # In two halves: after this process was suspended, the whole deadline may seem past
            # although the owner had no time to answer.
            for _ in range(2):
                await asyncio.wait({answer}, timeout=deadline / 2)
            if answer.done():
                found: dict[str, Any] = answer.result()
                return found
            self.kill()
            raise Died(self.pid, f"no answer within {deadline:g} s")
        finally:
            self._waiting.pop(number, None)
            answer.cancel()

    def data_received(self, data: bytes) -> None:
        self._unpacker.feed(data)
        try:
            while (message := self._unpacker.next()) is not None:
                header, body = message
                if body:
                    header["result"]["rows"] = body
                answer = self._waiting.get(header.get("id", 0))
                if answer is not None and not answer.done():
                    answer.set_result(header)
        except Malformed:
            self.abandon()

    def connection_lost(self, _: Exception | None) -> None:
        self._lost.set_result(None)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Died(self.pid))

    def kill(self) -> None:
        """Kill an owner that hangs, for all its clients; no write that it answered is lost."""
        if self.pid > 1 and not self._lost.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)
        self.abandon()

    def abandon(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def close(self, deadline: float) -> None:
        """Disconnect. If this was the last client, wait until the owner has closed its files."""
        if not self.alive:
            return
        assert self._transport is not None
        with contextlib.suppress(OSError, RuntimeError):
            self._transport.write_eof()
        await asyncio.wait({self._lost}, timeout=deadline)
        if not self._lost.done():
            self.kill()
