"""The answers of `/api/metrics/*` as pydantic models, for the description of the API only."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pulse_cli.serve.answer_models import Answer


class OperationTotals(Answer):
    """Each figure by the name of the original's code and by that of its documents."""

    avg_duration_ms: float
    min_duration_ms: float
    max_duration_ms: float
    total_operations: int
    successful_operations: int
    failed_operations: int
    success_rate: float
    total: int
    success_count: int
    failure_count: int


class OperationRow(Answer):
    id: str
    timestamp: datetime
    operation_type: str
    operation_name: str
    duration_ms: float
    success: bool
    error_message: str | None = None
    request_id: str | None = None
    job_id: str | None = None
    document_url: str | None = None


class Operations(Answer):
    metrics: list[OperationRow]
    total: int
    limit: int
    offset: int
    summary_by_type: dict[str, OperationTotals]
    operations_by_type: dict[str, OperationTotals]


class RequestRow(Answer):
    id: str
    timestamp: datetime
    method: str
    path: str
    status_code: int
    duration_ms: float
    request_id: str | None = None
    client_ip: str | None = None
    extra_metadata: dict[str, Any] | None = None
    created_at: datetime


class RequestTotals(Answer):
    total_requests: int
    avg_duration_ms: float
    max_duration_ms: float
    error_count: int


class Requests(Answer):
    metrics: list[RequestRow]
    total: int
    limit: int
    offset: int
    summary: RequestTotals


class MetricsSummary(Answer):
    hours: int
    requests: RequestTotals
    operations: dict[str, OperationTotals]
    operations_by_type: dict[str, OperationTotals]


class CrawlSession(Answer):
    """Times are milliseconds; those by stage are sums over the pages."""

    id: str
    job_id: str
    crawl_id: str
    base_url: str
    operation_type: str
    status: Literal["in_progress", "completed", "failed"]
    success: bool | None = None
    started_at: datetime
    completed_at: datetime | None = None
    duration_ms: float | None = None
    e2e_duration_ms: float | None = None
    total_pages: int
    pages_indexed: int
    pages_failed: int
    total_chunking_ms: float
    total_embedding_ms: float
    total_qdrant_ms: float
    total_bm25_ms: float
    error_message: str | None = None
    extra_metadata: dict[str, Any] | None = None
    created_at: datetime
    updated_at: datetime
