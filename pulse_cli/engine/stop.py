"""The wish to stop, said by a signal and heard by the run."""

from __future__ import annotations

import asyncio
import signal

from pulse_cli.errors import Exit

EXIT_CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


class Stop:
    """`request` asks for a drain: reading stops, what is in flight is finished, books are saved."""

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
    def exit_code(self) -> Exit:
        return EXIT_CODES.get(self.signal, Exit.INTERRUPTED) if self.signal else Exit.OK
