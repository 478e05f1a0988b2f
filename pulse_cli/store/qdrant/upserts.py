"""Writes points to a Qdrant server, in requests of a size that it accepts.

A request holds at most 256 points or 4 MB, or less in strict mode. If the server refuses it as too
large, it is sent again in halves, and later requests are no larger than the accepted ones. orjson
writes the vectors from the float32 rows, in a quarter of the time that lists would need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from pulse_cli.errors import PulseError, Rejected, Transient
from pulse_cli.model import Point, SparseVector
from pulse_cli.payload import LANGUAGE, Bm25Options
from pulse_cli.store.filters import SPARSE
from pulse_cli.store.qdrant.answers import write_status
from pulse_cli.store.qdrant.bm25 import to_weigh
from pulse_cli.store.qdrant.limits import RequestLimits
from pulse_cli.store.qdrant.rest import Rest
from pulse_cli.store.qdrant.statuses import too_large

if TYPE_CHECKING:
    from pulse_cli.model import Floats

MAX_BYTES = 4_000_000


class Upserts:
    """Writes points to one collection, and remembers how many the server takes at once."""

    def __init__(self, rest: Rest, limits: RequestLimits, bm25: Bm25Options) -> None:
        self._rest = rest
        self._limits = limits
        self._bm25 = bm25
        self._max_bytes = MAX_BYTES
        self._point_bytes = 1  # what a point took in the last request, as a guess for the next

    async def send(self, points: Sequence[Point], rows: Floats) -> None:
        """Write points in their order; `rows` is float32, shape (points, dimension).

        Raises Rejected, Transient, Fatal.
        """
        at = 0
        while at < len(points):
            step = min(self._limits.points, max(1, self._max_bytes // self._point_bytes))
            some, own = points[at : at + step], rows[at : at + step]
            body = self._encode(some, own)
            self._point_bytes = -(-len(body) // len(some))
            if len(body) <= self._max_bytes or len(some) == 1:
                await self._send(some, own, body)
                at += step

    async def _send(self, points: Sequence[Point], rows: Floats, body: bytes) -> None:
        """Send these points, in smaller requests where the server says they are too many."""
        reply = await self._rest.ask("PUT", "points?wait=true", body)
        learned = reply.status == 400 and self._limits.learn("points", reply.error)
        if not learned and not too_large(reply):
            self._rest.completed(self._rest.result(reply, "upsert", write_status))
            return
        if len(points) == 1:
            raise self._one_too_large(reply.status, reply.error, len(body))
        size = self._limits.points if learned else -(-len(points) // 2)
        if reply.status == 429:
            self._limits.points = min(self._limits.points, size)
        elif not learned:
            self._max_bytes = min(self._max_bytes, size * -(-len(body) // len(points)))
        for start in range(0, len(points), size):
            part = slice(start, start + size)
            await self._send(points[part], rows[part], self._encode(points[part], rows[part]))

    def _one_too_large(self, status: int, error: str, size: int) -> PulseError:
        text = f"Qdrant at {self._rest.server} answered {status} to one point: {error}"
        if status == 429:
            return Transient(text, overload=True)
        return Rejected(f"{text} ({size} bytes)", reason="too-large")

    def _encode(self, points: Sequence[Point], rows: Floats) -> bytes:
        """The body of an upsert, written in one go: pieces put together would be copied twice."""
        described = [
            {"id": point.id, "vector": self._vectors(point, row), "payload": point.payload}
            for point, row in zip(points, rows, strict=True)
        ]
        try:
            return orjson.dumps({"points": described}, option=orjson.OPT_SERIALIZE_NUMPY)
        except TypeError as error:
            raise Rejected(f"a payload is not JSON: {error}", reason="bad-payload") from error

    def _vectors(self, point: Point, row: Floats) -> dict[str, Any]:
        words: str | SparseVector | dict[str, Any] = point.words
        if not words:
            return {"": row}
        if isinstance(words, str):
            words = to_weigh(words, self._bm25, point.payload.get(LANGUAGE))
        return {"": row, SPARSE: words}
