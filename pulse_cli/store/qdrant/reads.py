"""Points read from a Qdrant server: the best ones for a query, and all that match.

Where the server gives fewer at once than are asked for, several requests are made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pulse_cli.errors import Rejected
from pulse_cli.model import Hit
from pulse_cli.store.filters import fields
from pulse_cli.store.qdrant.limits import RequestLimits
from pulse_cli.store.qdrant.rest import Rest

SCROLL_BATCH = 512


class Reads:
    """Reads of one collection. `wanted` is a filter in the words of the REST API, or None."""

    def __init__(self, rest: Rest, limits: RequestLimits) -> None:
        self._rest = rest
        self._limits = limits

    async def best(
        self, query: dict[str, Any], limit: int, wanted: dict[str, Any] | None
    ) -> list[Hit]:
        """The best `limit` points, in several requests where the server gives fewer at once."""
        found: list[Hit] = []
        while len(found) < limit:
            step = min(limit - len(found), self._limits.results)
            try:
                hits = await self.page(query, step, len(found), wanted)
            except Rejected as error:
                if not self._limits.learn("results", str(error)):
                    raise
                continue
            found += hits
            if len(hits) < step:
                break
        return found

    async def page(
        self, query: dict[str, Any], limit: int, offset: int, wanted: dict[str, Any] | None
    ) -> list[Hit]:
        """`limit` points after the first `offset`, best first."""
        body = {**query, "limit": limit, "offset": offset, "with_payload": True}
        if wanted is not None:
            body["filter"] = wanted
        found = await self._rest.call("POST", "points/query", body)
        return [
            Hit(str(point["id"]), point["score"], point.get("payload") or {})
            for point in found["points"]
        ]

    async def scroll(
        self, names: Sequence[str], wanted: dict[str, Any] | None
    ) -> AsyncIterator[list[Hit]]:
        """All points that match, in batches, with these payload fields (score 0)."""
        body: dict[str, Any] = {"with_payload": fields(names)}
        if wanted is not None:
            body["filter"] = wanted
        while True:
            body["limit"] = min(SCROLL_BATCH, self._limits.results)
            try:
                found = await self._rest.call("POST", "points/scroll", body)
            except Rejected as error:
                if not self._limits.learn("results", str(error)):
                    raise
                continue
            yield [
                Hit(str(point["id"]), 0.0, point.get("payload") or {}) for point in found["points"]
            ]
            if (following := found.get("next_page_offset")) is None:
                return
            body["offset"] = following
