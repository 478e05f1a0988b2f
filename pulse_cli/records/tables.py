"""The tables of the records, with the names and columns of the service pulse grew out of.

On PostgreSQL they stand in the schema `webhook`, so that SQL written for that service runs
unchanged. SQLite has no schemas; there they stand alone. Timestamps are UTC.
Source: jmagar/pulse, `apps/webhook/domain/models.py`; `document_url` is text here, because
500 characters are too short for real addresses.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

SCHEMA = "webhook"
METADATA = MetaData(schema=SCHEMA)


class _Text(TypeDecorator[str]):
    """Text that every database takes, cut to `length` characters where there is one.

    PostgreSQL refuses a NUL, half of a surrogate pair, and what is longer than its column. One
    refused row would keep back all rows after it, so such text is mended when it is written.
    """

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self._length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return dialect.type_descriptor(String(self._length) if self._length else Text())

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        return None if value is None else _mended(value)[: self._length]


class _Json(TypeDecorator[Any]):
    """JSON with texts that every database takes."""

    impl = JSON().with_variant(JSONB(), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: Any, _: Dialect) -> Any:
        return _mended_all(value)


def _mended_all(value: Any) -> Any:
    if isinstance(value, str):
        return _mended(value)
    if isinstance(value, dict):
        return {_mended(name): _mended_all(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_mended_all(one) for one in value]
    return value


def _mended(text: str) -> str:
    whole = text.encode("utf-8", "replace").decode() if not text.isascii() else text
    return whole.replace("\0", "\ufffd")


class _UtcTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite drops the zone, so it is put back when a row is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


def _now() -> datetime:
    return datetime.now(UTC)


def _column(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, **options)


operation_metrics = Table(
    "operation_metrics",
    METADATA,
    _column("id", Uuid, primary_key=True, default=uuid.uuid4),
    _column("timestamp", _UtcTime, nullable=False, default=_now),
    _column("operation_type", _Text(50), nullable=False),
    _column("operation_name", _Text(100), nullable=False),
    _column("duration_ms", Float, nullable=False),
    _column("success", Boolean, nullable=False),
    _column("error_message", _Text()),
    _column("request_id", _Text(100)),
    _column("job_id", _Text(100)),
    _column("crawl_id", _Text(255)),
    _column("document_url", _Text()),
    _column("extra_metadata", _Json),
    _column("created_at", _UtcTime, nullable=False, default=_now),
    Index("ix_operation_metrics_timestamp", "timestamp"),
    Index("ix_operation_metrics_type_timestamp", "operation_type", "timestamp"),
    Index("ix_operation_metrics_job_id", "job_id"),
    Index("ix_operation_metrics_crawl_id", "crawl_id"),
)

request_metrics = Table(
    "request_metrics",
    METADATA,
    _column("id", Uuid, primary_key=True, default=uuid.uuid4),
    _column("timestamp", _UtcTime, nullable=False, default=_now),
    _column("method", _Text(10), nullable=False),
    _column("path", _Text(500), nullable=False),
    _column("status_code", Integer, nullable=False),
    _column("duration_ms", Float, nullable=False),
    _column("request_id", _Text(100)),
    _column("client_ip", _Text(64)),
    _column("extra_metadata", _Json),
    _column("created_at", _UtcTime, nullable=False, default=_now),
    Index("ix_request_metrics_timestamp", "timestamp"),
)

change_events = Table(
    "change_events",
    METADATA,
    _column("id", Integer, primary_key=True, autoincrement=True),
    _column("watch_id", _Text(255), nullable=False),
    _column("watch_url", _Text(), nullable=False),
    _column("detected_at", _UtcTime, nullable=False),
    _column("diff_summary", _Text()),
    _column("snapshot_url", _Text()),
    _column("rescrape_job_id", _Text(100)),
    _column("rescrape_status", _Text(), nullable=False),
    _column("indexed_at", _UtcTime),
    _column("extra_metadata", _Json),
    _column("created_at", _UtcTime, nullable=False, default=_now),
    Index("ix_change_events_status", "rescrape_status"),
    Index("ix_change_events_watch", "watch_id", "detected_at"),
)

crawl_sessions = Table(
    "crawl_sessions",
    METADATA,
    _column("id", Uuid, primary_key=True, default=uuid.uuid4),
    _column("job_id", _Text(255), nullable=False, unique=True),
    _column("base_url", _Text(), nullable=False, default=""),
    _column("operation_type", _Text(50), nullable=False, default="crawl"),
    _column("status", _Text(50), nullable=False),
    _column("success", Boolean),
    _column("started_at", _UtcTime, nullable=False, default=_now),
    _column("completed_at", _UtcTime),
    _column("duration_ms", Float),
    _column("e2e_duration_ms", Float),
    _column("total_pages", Integer, nullable=False, default=0),
    _column("pages_indexed", Integer, nullable=False, default=0),
    _column("pages_failed", Integer, nullable=False, default=0),
    _column("total_chunking_ms", Float, nullable=False, default=0.0),
    _column("total_embedding_ms", Float, nullable=False, default=0.0),
    _column("total_qdrant_ms", Float, nullable=False, default=0.0),
    _column("total_bm25_ms", Float, nullable=False, default=0.0),
    _column("error_message", _Text()),
    _column("extra_metadata", _Json),
    _column("created_at", _UtcTime, nullable=False, default=_now),
    _column("updated_at", _UtcTime, nullable=False, default=_now, onupdate=_now),
)
