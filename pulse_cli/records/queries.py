"""What the metrics endpoints answer, read from the records.

The answers carry the names of the original service's code and of its documents, because its
users read either (`summary_by_type` and `operations_by_type`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pulse_cli.records import crawls
from pulse_cli.records.database import Records
from pulse_cli.records.tables import operation_metrics, request_metrics

_SHOWN = (
    *("id", "timestamp", "operation_type", "operation_name", "duration_ms", "success"),
    *("error_message", "request_id", "job_id", "document_url"),
)


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """Which operations count; None matches all."""

    hours: int = 24
    operation_type: str | None = None
    operation_name: str | None = None
    document_url: str | None = None
    success: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        columns = operation_metrics.c
        wanted = {
            columns.operation_type: self.operation_type,
            columns.operation_name: self.operation_name,
            columns.document_url: self.document_url,
            columns.success: self.success,
        }
        since = datetime.now(UTC) - timedelta(hours=self.hours)
        return [
            columns.timestamp >= since,
            *(column == value for column, value in wanted.items() if value is not None),
        ]


async def operations(
    records: Records, where: OperationFilter, *, limit: int = 100, offset: int = 0
) -> dict[str, Any]:
    """Operations, newest first, with totals by type. Raises RecordsUnavailable."""
    conditions = where.conditions()
    async with records.begin() as connection:
        found = await connection.execute(
            select(*(operation_metrics.c[name] for name in _SHOWN))
            .where(*conditions)
            .order_by(operation_metrics.c.timestamp.desc())
            .limit(limit)
            .offset(offset)
        )
        rows = [_json(row) for row in found.mappings()]
        total = await _count(connection, operation_metrics, conditions)
        by_type = await _by_type(connection, conditions)
    return {
        "metrics": rows,
        "total": total,
        "limit": limit,
        "offset": offset,
        "summary_by_type": by_type,
        "operations_by_type": by_type,
    }


async def requests(
    records: Records,
    *,
    hours: int = 24,
    path: str | None = None,
    method: str | None = None,
    min_duration_ms: float | None = None,
    limit: int = 100,
    offset: int = 0,
) -> dict[str, Any]:
    """Requests, newest first. Raises RecordsUnavailable."""
    columns = request_metrics.c
    conditions = [columns.timestamp >= datetime.now(UTC) - timedelta(hours=hours)]
    if path is not None:
        conditions.append(columns.path == path)
    if method is not None:
        conditions.append(columns.method == method.upper())
    if min_duration_ms is not None:
        conditions.append(columns.duration_ms >= min_duration_ms)
    async with records.begin() as connection:
        found = await connection.execute(
            select(request_metrics)
            .where(*conditions)
            .order_by(columns.timestamp.desc())
            .limit(limit)
            .offset(offset)
        )
        rows = [_json(row) for row in found.mappings()]
        total = await _count(connection, request_metrics, conditions)
        totals = await connection.execute(
            select(
                func.avg(columns.duration_ms),
                func.max(columns.duration_ms),
                func.sum(case((columns.status_code >= 400, 1), else_=0)),
            ).where(*conditions)
        )
        average, longest, errors = totals.one()
    return {
        "metrics": rows,
        "total": total,
        "limit": limit,
        "offset": offset,
        "summary": {
            "total_requests": total,
            "avg_duration_ms": average or 0.0,
            "max_duration_ms": longest or 0.0,
            "error_count": errors or 0,
        },
    }


async def summary(records: Records, *, hours: int = 24) -> dict[str, Any]:
    """Totals of requests and of operations by type. Raises RecordsUnavailable."""
    everything = await requests(records, hours=hours, limit=0)
    done = await operations(records, OperationFilter(hours=hours), limit=0)
    return {
        "hours": hours,
        "requests": everything["summary"],
        "operations": done["operations_by_type"],
        "operations_by_type": done["operations_by_type"],
    }


async def crawl(records: Records, job_id: str) -> dict[str, Any] | None:
    """One crawl: its pages, its time by stage, and end to end. Raises RecordsUnavailable."""
    found = await crawls.get(records, job_id)
    if found is None:
        return None
    return {**_json(found), "crawl_id": job_id}


async def _count(
    connection: AsyncConnection, table: Table, conditions: Iterable[ColumnElement[bool]]
) -> int:
    found = await connection.execute(select(func.count()).select_from(table).where(*conditions))
    return int(found.scalar_one())


async def _by_type(
    connection: AsyncConnection, conditions: Iterable[ColumnElement[bool]]
) -> dict[str, dict[str, Any]]:
    columns = operation_metrics.c
    succeeded = func.sum(case((columns.success.is_(True), 1), else_=0))
    found = await connection.execute(
        select(
            columns.operation_type,
            func.avg(columns.duration_ms),
            func.min(columns.duration_ms),
            func.max(columns.duration_ms),
            func.count(),
            succeeded,
        )
        .where(*conditions)
        .group_by(columns.operation_type)
        .order_by(columns.operation_type)
    )
    return {row[0]: _type_summary(*row[1:]) for row in found}


def _type_summary(
    average: float, least: float, most: float, total: int, good: int
) -> dict[str, Any]:
    return {
        "avg_duration_ms": average,
        "min_duration_ms": least,
        "max_duration_ms": most,
        "total_operations": total,
        "successful_operations": good,
        "failed_operations": total - good,
        "success_rate": 100.0 * good / total if total else 0.0,
        "total": total,
        "success_count": good,
        "failure_count": total - good,
    }


def _json(row: Any) -> dict[str, Any]:
    """A row as JSON values: ids as text, moments as ISO 8601."""
    return {str(name): _value(value) for name, value in dict(row).items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | dict | list | None) else str(value)
