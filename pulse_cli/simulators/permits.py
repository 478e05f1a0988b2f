"""The permits of a simulated TEI: one per text, held while the request is carried out."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator


class NoPermit(Exception):
    """There are too few; nothing was taken."""


class Permits:
    """`total` permits. Where it `waits`, batches queue for them; single texts never do."""

    def __init__(self, total: int, *, waits: bool) -> None:
        self._total = total
        self._free = total
        self._waits = waits
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.most_used = 0

    @property
    def used(self) -> int:
        return self._total - self._free

    @contextlib.asynccontextmanager
    async def of(self, texts: int) -> AsyncIterator[None]:
        """Hold a permit for each text. Raises NoPermit."""
        # A batch larger than all permits gets them one after the other in TEI; all, here.
        wanted = min(texts, self._total) if self._waits else texts
        if wanted > self._free:
            if not self._waits or texts == 1:
                raise NoPermit
            await self._wait(wanted)
        else:
            self._take(wanted)
        try:
            yield
        finally:
            self._release(wanted)

    async def _wait(self, wanted: int) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((wanted, granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._release(wanted)
            raise

    def _take(self, wanted: int) -> None:
        self._free -= wanted
        self.most_used = max(self.most_used, self.used)

    def _release(self, count: int) -> None:
        self._free += count
        while self._queue:
            wanted, granted = self._queue[0]
            if not granted.cancelled():
                if wanted > self._free:
                    return
                self._take(wanted)
                granted.set_result(None)
            self._queue.popleft()
