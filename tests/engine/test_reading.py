"""A source is read and closed in one thread, whoever stops reading it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import aclosing
from typing import Any

import pytest

from pulse_cli.engine.clock import SystemClock
from pulse_cli.engine.limiter import unfailing_limiter
from pulse_cli.engine.reading import read_ahead_bytes, read_batches
from pulse_cli.events import StageStats
from pulse_cli.model import EmbedLimits, Note, Place, Position, Record


class _Connected:
    """A source that never ends and may block, and that is bound to its thread."""

    def __init__(self, *, blocks: bool = False) -> None:
        self.blocks = blocks
        self.began = threading.Event()
        self.stopped = threading.Event()
        self.threads: list[str] = []

    def records(self, start: Position) -> Generator[Record, None, None]:
        self.threads.append(threading.current_thread().name)
        self.began.set()
        try:
            while True:
                if self.blocks:
                    self.stopped.wait(60)
                yield Record(Place(""), start, Note(""), 0, then_waits=True)
        finally:
            asyncio.run(asyncio.sleep(0))  # not possible where an event loop runs
            self.threads.append(threading.current_thread().name)


def _reading(source: _Connected) -> Any:
    limiter = unfailing_limiter("read", 1, SystemClock(), StageStats())
    return read_batches(source, Position(), None, limiter)  # type: ignore[arg-type]


async def test_a_source_that_is_left_is_closed_where_it_was_read() -> None:
    source = _Connected()
    async with aclosing(_reading(source)) as batches:
        assert await anext(batches)
    assert source.threads == ["pulse-read", "pulse-read"]


async def test_a_source_that_blocks_is_not_waited_for() -> None:
    source = _Connected(blocks=True)

    async def read() -> None:
        async with aclosing(_reading(source)) as batches:
            await anext(batches)

    reading = asyncio.create_task(read())
    assert await asyncio.to_thread(source.began.wait, 60)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reading, 30)
    assert source.threads == ["pulse-read"]
    source.stopped.set()


@pytest.mark.parametrize(
    ("batch", "in_flight", "concurrency", "chunk_tokens", "megabytes"),
    [
        (32, 12, None, 500, 8),  # a text-embeddings-inference server as it comes
        (32, 12, None, 8192, 32),  # the same work in bytes has longer chunks
        (32, 12, 1, 8192, 8),
        (8, 1, None, 256, 8),
    ],
)
def test_what_is_read_ahead_follows_what_the_embedder_works_on(
    batch: int, in_flight: int, concurrency: int | None, chunk_tokens: int, megabytes: int
) -> None:
    limits = EmbedLimits(
        batch=batch, batch_bytes=1, in_flight=in_flight, start=1, max_tokens=chunk_tokens
    )
    assert read_ahead_bytes(limits, concurrency, chunk_tokens) == megabytes << 20
