"""The client for code that blocks: sources and token counters, which run in threads.

An event loop and its connections live as long as the `with` block, in one thread, so there is
nothing to share and nothing left behind. Not for a thread in which an event loop runs already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from pulse_cli.net.answer import Answer
from pulse_cli.net.client import Client


class Ask(Protocol):
    """`Client.ask`, blocking. Raises Transient, Fatal."""

    def __call__(
        self, method: str, path: str, body: bytes | None = None, *, within: float | None = None
    ) -> Answer: ...


@contextmanager
def connection(connect: Callable[[], Client]) -> Iterator[Ask]:
    """Requests to the client that `connect` makes inside an event loop."""

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
