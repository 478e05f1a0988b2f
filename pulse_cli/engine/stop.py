"""The request to stop a run, made by a signal."""

from __future__ import annotations

import asyncio
import signal


class Stop:
    """`request` begins a drain: reading stops, requests in flight finish, the state is saved."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.signal: signal.Signals | None = None

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self, by: signal.Signals | None = None) -> None:
        if self.signal is None:
            self.signal = by
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()

    @property
    def stopped_by(self) -> str:
        """The name of the signal, "" where there was none."""
        return self.signal.name if self.signal else ""
