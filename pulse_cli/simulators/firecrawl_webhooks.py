"""Webhooks as Firecrawl sends them, on a clock that stands still until it is told to go on.

An event is sent at once; an answer other than 2xx, or none within 10 seconds, has it sent again
1, 5 and 15 minutes later, then it is dropped. Those minutes pass only by `advance`, so a test
of an hour takes as long as its requests.
Source: Firecrawl's webhook documentation (signature, time limit, retries).
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

RETRY_AFTER_S = (60.0, 300.0, 900.0)
ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the events of a crawl go. `events` are the stages wanted, all if empty."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    events: frozenset[str] = frozenset()

    @staticmethod
    def of(value: Any) -> Hook | None:
        """From the `webhook` of a request: an object, or the address alone."""
        if not value:
            return None
        if isinstance(value, str):
            return Hook(value)
        return Hook(
            value["url"],
            value.get("headers") or {},
            value.get("metadata") or {},
            frozenset(value.get("events") or ()),
        )


@dataclass(order=True, slots=True)
class _Delivery:
    due: float
    number: int
    hook: Hook = field(compare=False)
    body: bytes = field(compare=False)
    tries: int = field(compare=False, default=0)


class Webhooks:
    """Sends events, signed with `secret`. Counts what was `delivered`, `retried`, `dropped`."""

    def __init__(self, secret: str) -> None:
        self.delivered = self.retried = self.dropped = 0
        self.now = 0.0
        self._secret = secret.encode()
        self._waiting: list[_Delivery] = []
        self._numbers = itertools.count()
        self._session: aiohttp.ClientSession | None = None

    @property
    def waiting(self) -> int:
        """Events that are to be sent again."""
        return len(self._waiting)

    async def send(self, hook: Hook, event: Mapping[str, Any]) -> None:
        """Send an event, once; where that fails, it is due again in a minute."""
        stage = str(event["type"]).rpartition(".")[2]
        if hook.events and stage not in hook.events:
            return
        body = orjson.dumps({**event, "metadata": dict(hook.metadata)})
        await self._try(_Delivery(self.now, next(self._numbers), hook, body))

    async def advance(self, seconds: float) -> None:
        """Let time pass: everything that falls due is sent, in order."""
        end = self.now + seconds
        while self._waiting and self._waiting[0].due <= end:
            delivery = heapq.heappop(self._waiting)
            self.now = max(self.now, delivery.due)
            await self._try(delivery)
        self.now = end

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _try(self, delivery: _Delivery) -> None:
        if await self._post(delivery):
            self.delivered += 1
        elif delivery.tries < len(RETRY_AFTER_S):
            delivery.due = self.now + RETRY_AFTER_S[delivery.tries]
            delivery.tries += 1
            self.retried += 1
            heapq.heappush(self._waiting, delivery)
        else:
            self.dropped += 1

    async def _post(self, delivery: _Delivery) -> bool:
        """Whether it was taken."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ANSWER_S)
            self._session = aiohttp.ClientSession(timeout=timeout)
        headers = {
            **delivery.hook.headers,
            "content-type": "application/json",
            "x-firecrawl-signature": self.signature(delivery.body),
        }
        try:
            async with self._session.post(
                delivery.hook.url, data=delivery.body, headers=headers
            ) as answer:
                return 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def signature(self, body: bytes) -> str:
        return f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
