"""Reads points from a Qdrant server: the best ones for a query, and all that match a filter.

If the server gives fewer points at once than needed, several requests are made. Servers before 1.19
cannot match the prefix of a URL. Then the prefix is checked here, on the points that match the rest
of the filter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pulse_cli.errors import Fatal, Kind, Malformed, Rejected
from pulse_cli.model import Filter, Hit
from pulse_cli.payload import KEY
from pulse_cli.ports import WholePoints
from pulse_cli.store.filters import SPARSE, both, condition, fields
from pulse_cli.store.page_languages import LOOKED_AT
from pulse_cli.store.qdrant.answers import (
    WrongForm,
    counted,
    faceted,
    is_number,
    payload_of,
    queried,
    scrolled,
    sparse_weights,
    terms,
)
from pulse_cli.store.qdrant.limits import RequestLimits
from pulse_cli.store.qdrant.rest import Rest
from pulse_cli.store.whole_points import MOST_VALUES, WHOLE_BATCH, no_payload_index, whole_point

if TYPE_CHECKING:
    from pulse_cli.model import Floats

SCROLL_BATCH = 512
MOST_CANDIDATES = 10_000


class Reads:
    """Reads of one collection. `matches_prefix`: the server can match the prefix of a URL."""

    def __init__(self, rest: Rest, limits: RequestLimits) -> None:
        self._rest = rest
        self._limits = limits
        self.matches_prefix = True

    def _chosen_here(self, where: Filter) -> bool:
        return bool(where.url_prefix) and not self.matches_prefix

    async def best(self, query: dict[str, Any], limit: int, where: Filter) -> list[Hit]:
        """The best `limit` points, in several requests if the server gives fewer at once."""
        if self._chosen_here(where):
            return await self._best_chosen_here(query, limit, where)
        found: list[Hit] = []
        while len(found) < limit:
            step = min(limit - len(found), self._limits.results)
            try:
                hits = await self._page(query, step, len(found), condition(where))
            except Rejected as error:
                if not self._limits.learn("results", str(error)):
                    raise
                continue
            found += hits
            if len(hits) < step:
                break
        return found

    async def _best_chosen_here(
        self, query: dict[str, Any], limit: int, where: Filter
    ) -> list[Hit]:
        """The best points with the URL prefix, checked here, among more and more candidates."""
        found: list[Hit] = []
        step = min(max(100, 4 * limit), self._limits.results)
        for offset in range(0, MOST_CANDIDATES, step):
            hits = await self._page(query, step, offset, condition(where, prefix=False))
            found += [hit for hit in hits if _under(hit.payload, where)]
            if len(found) >= limit or len(hits) < step:
                break
        return found[:limit]

    async def _page(
        self, query: dict[str, Any], limit: int, offset: int, wanted: dict[str, Any] | None
    ) -> list[Hit]:
        """`limit` points after the first `offset`, best first."""
        body = {**query, "limit": limit, "offset": offset, "with_payload": True}
        if wanted is not None:
            body["filter"] = wanted
        return await self._rest.call("POST", "points/query", body, read=queried)

    async def best_terms(
        self, query: dict[str, Any], where: Filter, also: dict[str, Any]
    ) -> list[set[int]]:
        """The BM25 terms of the best few points that match both filters."""
        body = {"query": query, "using": SPARSE, "limit": LOOKED_AT, "with_vector": [SPARSE]}
        body["filter"] = both(condition(where, prefix=self.matches_prefix), also)
        return await self._rest.call("POST", "points/query", body, read=terms)

    async def scroll(self, names: Sequence[str] | None, where: Filter) -> AsyncIterator[list[Hit]]:
        """All points that match, in batches, with these payload fields (score 0)."""
        here = self._chosen_here(where)
        if here and names is not None:
            names = list(dict.fromkeys([*names, KEY]))
        async for hits in self.scroll_by(names, condition(where, prefix=not here)):
            if here:
                hits = [hit for hit in hits if _under(hit.payload, where)]
            if hits:
                yield hits

    async def scroll_by(
        self, names: Sequence[str] | None, wanted: dict[str, Any] | None
    ) -> AsyncIterator[list[Hit]]:
        """The same with a filter in the form of the REST API, or None."""
        body = {"with_payload": fields(names), "limit": SCROLL_BATCH}
        async for points, _ in self._batches(body, wanted, None):
            yield [Hit(str(point["id"]), 0.0, payload_of(point)) for point in points]

    async def whole_points(
        self, where: Filter, after: str | int | None, dimension: int
    ) -> AsyncIterator[WholePoints]:
        """See `ports.Store`. Raises Fatal for a point with other vectors than pulse knows."""
        here = self._chosen_here(where)
        wanted = condition(where, prefix=not here)
        body = {"with_payload": True, "with_vector": True, "limit": WHOLE_BATCH}
        async for points, following in self._batches(body, wanted, after):
            if here:
                points = [point for point in points if _under(payload_of(point), where)]
            rows = np.empty((len(points), dimension), dtype=np.float32)
            for row, point in zip(rows, points, strict=True):
                point["bm25"] = self._take_vector(point, row)
                point["payload"] = payload_of(point)
            if points:
                yield WholePoints([whole_point(point) for point in points], rows, following)

    def _take_vector(self, point: dict[str, Any], row: Floats) -> dict[str, Any] | None:
        """Write the vector of `point` into `row`. Returns its BM25 weights."""
        vector = point.pop("vector", None)
        named = vector if isinstance(vector, dict) else {"": vector}
        if "" not in named or set(named) - {"", SPARSE}:
            raise Fatal(
                f"point {point['id']} of collection {self._rest.collection!r} at"
                f" {self._rest.server} has the vectors {sorted(named)}; pulse knows an unnamed one"
                f" and {SPARSE!r}",
                hint="name a collection that pulse wrote",
                kind=Kind.COLLECTION,
            )
        dense = named[""]
        if not isinstance(dense, list) or len(dense) != len(row) or not all(map(is_number, dense)):
            raise self._malformed("points with their vectors")
        row[:] = dense
        try:
            return sparse_weights(named.get(SPARSE))
        except WrongForm as wrong:
            raise self._malformed(str(wrong)) from None

    def _malformed(self, expected: str) -> Malformed:
        return Malformed(f"{self._rest.client.address.shown} answered without {expected}")

    async def _batches(
        self, body: dict[str, Any], wanted: dict[str, Any] | None, after: str | int | None
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str | int | None]]:
        """Batches of at most `body["limit"]` points from `after` on, and where the next begins."""
        most = body["limit"]
        if wanted is not None:
            body = {**body, "filter": wanted}
        if after is not None:
            body = {**body, "offset": after}
        while True:
            body["limit"] = min(most, self._limits.results)
            try:
                points, following = await self._rest.call(
                    "POST", "points/scroll", body, read=scrolled
                )
            except Rejected as error:
                if not self._limits.learn("results", str(error)):
                    raise
                continue
            yield points, following
            if following is None:
                return
            body["offset"] = following

    async def facet(self, field: str, where: Filter) -> dict[str | int | bool, int]:
        """See `ports.Store`. An exact facet takes the server seven times as long (1 M points)."""
        if self._chosen_here(where):
            counted: Counter[str | int | bool] = Counter()
            async for hits in self.scroll([field], where):
                counted.update(hit.payload[field] for hit in hits if _countable(hit, field))
            return dict(counted.most_common(MOST_VALUES))
        body: dict[str, Any] = {"key": field, "exact": False}
        if (wanted := condition(where)) is not None:
            body["filter"] = wanted
        while True:
            body["limit"] = min(MOST_VALUES, self._limits.results)
            try:
                return await self._rest.call("POST", "facet", body, read=faceted)
            except Rejected as error:
                if not self._limits.learn("results", str(error)):
                    raise no_payload_index(error) from error

    async def count(self, where: Filter) -> int:
        """How many points match, exactly."""
        if self._chosen_here(where):
            return sum([len(hits) async for hits in self.scroll([], where)])
        body: dict[str, Any] = {"exact": True}
        if (wanted := condition(where)) is not None:
            body["filter"] = wanted
        return await self._rest.call("POST", "points/count", body, read=counted)


def _under(payload: Any, where: Filter) -> bool:
    return str(payload.get(KEY) or "").startswith(where.url_prefix or "")


def _countable(hit: Hit, field: str) -> bool:
    return isinstance(hit.payload.get(field), str | int)
