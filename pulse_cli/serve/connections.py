"""Connections to the service: many of them, and none held by a sender that says nothing.

A sender has `HEAD_SECONDS` for the head of each request, from the moment it connects or begins
to send one; then its connection is closed. uvicorn itself bounds only the pause after an answer,
so a client that drips a head byte by byte would hold a connection for ever. What a body may take
is bounded by `limits`.
"""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0


class Connection(HttpToolsProtocol):
    """A protocol of uvicorn with a deadline for the head of each request."""

    head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Have a timer while no request is being answered, and none meanwhile."""
        if self._answering:
            self._unwatch()
        elif self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _unwatch(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _too_slow(self) -> None:
        self.head_timer = None
        if not self._answering and not self.transport.is_closing():
            self.transport.close()


def allow_many_connections() -> None:
    """As many open files as this process may have at all."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
