"""The real clock; tests hand in their own."""

from __future__ import annotations

import asyncio
import time

SHORTEST_S = 1e-3


class SystemClock:
    """`ports.Clock` on the machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        # uvloop counts whole milliseconds and wakes up to 1.5 ms early. A caller that sleeps
        # again for what is left must not get a sleep of 0 ms for ever.
        until = time.monotonic() + seconds
        await asyncio.sleep(seconds)
        if (left := until - time.monotonic()) > 0:
            await self.sleep(max(left, SHORTEST_S))


def rfc3339(seconds: float) -> str:
    """Seconds since 1970 as a UTC time stamp."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
