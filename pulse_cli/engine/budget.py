"""Limits the chunks in progress, which bounds the memory between preparing and committing.

The ledger bounds what has been read; a prepared group holds its chunks, and later their
vectors and points, which is several times its text. So a group is prepared only when the
chunks in progress, its own included, are within the size. Groups are admitted in order. A
group larger than the whole size is admitted when it is alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Drained(Exception):
    """Raised in groups that are not embedded yet when the run is to stop."""


class Budget:
    """`size()` is called each time, because it depends on the concurrency of the embedder."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size = size
        self._used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._drained = False

    @asynccontextmanager
    async def hold(self, chunks: int) -> AsyncIterator[None]:
        """Wait until `chunks` more fit in. Raises Drained when the run is to stop."""
        if self._drained:
            raise Drained
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((chunks, turn))
        self._admit()
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._release(chunks)  # it was admitted in the same moment
            raise
        try:
            yield
        finally:
            self._release(chunks)

    def drain(self) -> None:
        """Admit no further group."""
        self._drained = True
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(Drained())

    def _release(self, chunks: int) -> None:
        self._used -= chunks
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            chunks, turn = self._waiting[0]
            if self._used and self._used + chunks > self._size():
                return
            self._waiting.popleft()
            if not turn.done():
                self._used += chunks
                turn.set_result(None)
