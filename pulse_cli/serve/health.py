"""Whether the services that pulse needs answer, each really asked.

Asked at most every `CACHE_SECONDS`, all at once, each for at most `ASK_SECONDS`, so that an
answer takes about a second at the worst and a crowd of callers costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pulse_cli.ports import Clock

CACHE_SECONDS = 5.0
ASK_SECONDS = 0.9
CONNECTED, DISCONNECTED, UNUSED = "connected", "disconnected", "not configured"

Check = Callable[[], Awaitable[bool]]


class Health:
    """`checks` by the original's names (`qdrant`, `tei`, `redis`, `database`).

    A check of None is a service that the settings do not name. Without one of `needed` nothing
    can be indexed or searched. `patience`: seconds that each check may take.
    """

    def __init__(
        self,
        checks: Mapping[str, Check | None],
        clock: Clock,
        *,
        needed: frozenset[str] = frozenset({"qdrant", "tei"}),
        patience: float = ASK_SECONDS,
    ) -> None:
        self._checks = checks
        self._clock = clock
        self._needed = needed
        self._patience = patience
        self._asking = asyncio.Lock()
        self._asked_at: float | None = None
        self._states: dict[str, str] = {}

    async def report(self) -> dict[str, Any]:
        """The answer of `/health`: flat keys as the original's documents, nested as its code."""
        async with self._asking:
            now = self._clock.monotonic()
            if self._asked_at is None or now - self._asked_at >= CACHE_SECONDS:
                found = await asyncio.gather(*(self._ask(each) for each in self._checks.values()))
                self._states = dict(zip(self._checks, found, strict=True))
                self._asked_at = self._clock.monotonic()
        return {
            "status": self._status(),
            **self._states,
            "services": dict(self._states),
            "timestamp": datetime.now(UTC).isoformat(),
        }

    def _status(self) -> str:
        away = {name for name, state in self._states.items() if state == DISCONNECTED}
        if away & self._needed:
            return "unhealthy"
        return "degraded" if away else "healthy"

    async def _ask(self, check: Check | None) -> str:
        if check is None:
            return UNUSED
        try:
            async with asyncio.timeout(self._patience):
                return CONNECTED if await check() else DISCONNECTED
        except Exception:  # whatever is wrong with it, it is not connected
            return DISCONNECTED
