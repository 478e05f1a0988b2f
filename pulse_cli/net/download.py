"""An answer too large for memory: its body is read in pieces, each within a deadline."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import Protocol

import aiohttp

from pulse_cli.net.address import Address
from pulse_cli.net.answer import Answer

LEAST = 64 * 1024
"""Bytes that have to come within one deadline, so that a very slow server is given up."""


class Sender(Protocol):
    """The part of `Client` that is needed here."""

    address: Address
    timeout: float

    def translated(self, seconds: float) -> AbstractContextManager[None]: ...


class Download:
    """`answer` has status and headers, and no body."""

    def __init__(self, response: aiohttp.ClientResponse, sender: Sender) -> None:
        self._response = response
        self._sender = sender
        self.answer = Answer(response.status, response.headers, b"", sender.address)

    async def piece(self, most: int) -> bytes:
        """The next bytes: `most`, or fewer if the body ends or comes slowly; b"" at its end.

        Raises Transient where the connection breaks, or too few bytes come in time.
        """
        received = bytearray()
        seconds = self._sender.timeout
        with self._sender.translated(seconds):
            try:
                async with asyncio.timeout(seconds):
                    while len(received) < most:
                        part = await self._response.content.read(most - len(received))
                        if not part:
                            break
                        received += part
            except TimeoutError:
                if len(received) < LEAST:
                    raise
        return bytes(received)

    def close(self) -> None:
        self._response.close()
