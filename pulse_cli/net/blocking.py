"""The client for blocking code: sources and token counters, which run in threads.

An event loop and its connections exist for one `with` block, in one thread, and are closed at its
end. It cannot be used in a thread in which an event loop is running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from pulse_cli.net.answer import Answer
from pulse_cli.net.client import Client
from pulse_cli.net.download import Download


class Ask(Protocol):
    """`Client.ask`, blocking. Raises Transient, Fatal."""

    def __call__(
        self, method: str, path: str, body: bytes | None = None, *, within: float | None = None
    ) -> Answer: ...


class BlockingDownload(Protocol):
    """`Download`, blocking. Raises Transient, Fatal."""

    @property
    def answer(self) -> Answer: ...

    def piece(self, most: int) -> bytes: ...


@contextmanager
def downloading(
    connect: Callable[[], Client], path: str, headers: Mapping[str, str]
) -> Iterator[BlockingDownload]:
    """Send one GET request; the body of its answer is read piece by piece."""

    async def begin() -> tuple[Client, Download]:
        client = connect()
        try:
            return client, await client.download(path, headers)
        except BaseException:
            await client.close()
            raise

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        client, download = runner.run(begin())

        class Blocking:
            answer = download.answer

            def piece(self, most: int) -> bytes:
                return runner.run(download.piece(most))

        try:
            yield Blocking()
        finally:
            download.close()
            runner.run(client.close())


@contextmanager
def connection(connect: Callable[[], Client]) -> Iterator[Ask]:
    """Make a client with `connect`, inside an event loop, and send requests through it."""

    async def connected() -> Client:
        return connect()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        client = runner.run(connected())

        def ask(
            method: str, path: str, body: bytes | None = None, *, within: float | None = None
        ) -> Answer:
            return runner.run(client.ask(method, path, body, within=within))

        try:
            yield ask
        finally:
            runner.run(client.close())
