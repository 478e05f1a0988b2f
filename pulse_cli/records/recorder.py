"""Rows written off the hot path: kept in a bounded buffer, flushed in batches by whoever runs it.

`add` never waits and never fails. When the record store is down the newest rows are kept up to
`MAX_BUFFERED`; what does not fit is counted in `dropped`, so that it can be told.
"""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert

from pulse_cli.records.database import Records, RecordsUnavailable
from pulse_cli.records.tables import (
    change_events,
    crawl_sessions,
    operation_metrics,
    request_metrics,
)

MAX_BUFFERED = 20_000
BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that was done and how long it took: a row of `operation_metrics`."""

    operation_type: str
    operation_name: str
    duration_ms: float
    success: bool
    error_message: str | None = None
    request_id: str | None = None
    job_id: str | None = None
    crawl_id: str | None = None
    document_url: str | None = None
    extra_metadata: dict[str, Any] | None = None
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Request:
    """One answered HTTP request: a row of `request_metrics`. `path` carries no query string."""

    method: str
    path: str
    status_code: int
    duration_ms: float
    request_id: str | None = None
    client_ip: str | None = None
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))


class Recorder:
    """See the module docstring. All methods belong to one event loop."""

    def __init__(self, records: Records, *, max_buffered: int = MAX_BUFFERED) -> None:
        self._records = records
        self._max = max_buffered
        self._operations: deque[Operation] = deque()
        self._requests: deque[Request] = deque()
        self.dropped = 0
        self.last_error = ""

    def add(self, row: Operation | Request) -> None:
        """Keep one row for the next flush; the oldest of its kind goes when there is no room."""
        kept: deque[Any] = self._operations if isinstance(row, Operation) else self._requests
        if len(kept) >= self._max:
            kept.popleft()
            self.dropped += 1
        kept.append(row)

    async def flush(self) -> int:
        """Write what is buffered; how many rows were written.

        A store that is down raises nothing: the rows stay buffered, and `last_error` says why.
        """
        written = 0
        try:
            while self._operations or self._requests:
                operations = _first(self._operations)
                requests = _first(self._requests)
                async with self._records.begin() as connection:
                    if operations:
                        await connection.execute(insert(operation_metrics), _rows(operations))
                    if requests:
                        await connection.execute(insert(request_metrics), _rows(requests))
                _drop_first(self._operations, operations)
                _drop_first(self._requests, requests)
                written += len(operations) + len(requests)
            self.last_error = ""
        except RecordsUnavailable as error:
            self.last_error = str(error)
        return written

    async def delete_older(self, keep: timedelta) -> int:
        """Remove rows older than `keep`; how many went. Raises RecordsUnavailable."""
        before = datetime.now(UTC) - keep
        removed = 0
        async with self._records.begin() as connection:
            for table, column in (
                (operation_metrics, operation_metrics.c.timestamp),
                (request_metrics, request_metrics.c.timestamp),
                (change_events, change_events.c.created_at),
                (crawl_sessions, crawl_sessions.c.started_at),
            ):
                done = await connection.execute(delete(table).where(column < before))
                removed += done.rowcount
        return removed


def _first(rows: deque[Any]) -> list[Any]:
    return [row for row, _ in zip(rows, range(BATCH_ROWS), strict=False)]


def _drop_first(rows: deque[Any], written: list[Any]) -> None:
    """Remove the rows that were written; some may have been dropped from the front meanwhile."""
    done = {id(row) for row in written}
    while rows and id(rows[0]) in done:
        rows.popleft()


def _rows(kept: list[Any]) -> list[dict[str, Any]]:
    return [{"id": uuid.uuid4(), **asdict(row)} for row in kept]
