"""The answers of the API as pydantic models, for its description only.

Handlers write their answers themselves, which is faster; tests hold every answer against these.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

State = Literal["connected", "disconnected", "not configured"]


class Answer(BaseModel):
    """An answer: it has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class FailedDocument(Answer):
    """A page of an event that could not be read."""

    url: str
    error: str
    error_type: str


class EventTaken(Answer):
    """`queued_jobs` pages are on disk. `failed_documents` only where there are some."""

    status: Literal["queued"]
    queued_jobs: int
    job_ids: list[str]
    failed_documents: list[FailedDocument] | None = None


class EventAcknowledged(Answer):
    """There was no page to index. Fields that do not apply are left out."""

    status: Literal["acknowledged", "no_documents"]
    event_type: str | None = None
    message: str | None = None
    event_id: str | None = None
    failed_documents: list[FailedDocument] | None = None


class ChangeTaken(Answer):
    status: Literal["queued"]
    job_id: str
    change_event_id: int
    url: str


class PageTaken(Answer):
    job_id: str
    status: Literal["queued"]
    message: str


class Step(Answer):
    step: Literal["chunking", "embedding", "indexing"]
    duration_ms: float
    status: Literal["success", "failed"]
    details: dict[str, Any]


class TestSummary(Answer):
    chunks_indexed: int
    total_tokens: int
    indexed_to_qdrant: bool
    indexed_to_bm25: bool


class Tested(Answer):
    """`steps` are those that the page came to."""

    status: Literal["success", "failed"]
    url: str
    total_duration_ms: float
    steps: list[Step]
    summary: TestSummary
    error: str | None = None
    error_type: str | None = None


class Timing(Answer):
    total_ms: float
    chunking_ms: float
    embedding_ms: float
    indexing_ms: float


class Result(Answer):
    """What became of a page. Which fields there are depends on `status`."""

    status: Literal["success", "error"]
    success: bool
    document_url: str
    url: str
    outcome: Literal["indexed", "unchanged", "skipped"] | None = None
    reason: str | None = None
    chunks_indexed: int | None = None
    total_tokens: int | None = None
    collection: str | None = None
    timing: Timing | None = None
    error: str | None = None
    error_type: str | None = None
    change_event_id: int | None = None
    indexed_at: datetime | None = None


class JobState(Answer):
    job_id: str
    status: Literal["queued", "started", "finished", "failed"]
    result: Result | None = None


class Found(Answer):
    id: str
    url: str
    title: str | None = None
    description: str | None = None
    text: str
    score: float
    metadata: dict[str, Any]


class Findings(Answer):
    results: list[Found]
    total: int
    query: str
    mode: Literal["hybrid", "semantic", "vector", "keyword", "bm25"]


class Stats(Answer):
    total_documents: int
    total_chunks: int
    qdrant_points: int
    bm25_documents: int
    collection_name: str


class Services(Answer):
    redis: State
    qdrant: State
    tei: State
    database: State


class HealthReport(Services):
    status: Literal["healthy", "degraded", "unhealthy"]
    services: Services
    timestamp: datetime


class Domain(Answer):
    domain: str
    pages: int


class IndexState(Answer):
    pages: int
    chunks: int
    collection: str
    last_indexed_at: datetime | None = None
    domains: list[Domain]


class QueueState(Answer):
    state: str
    segments: int
    bytes: int


class RunRow(Answer):
    run_id: str
    ended: datetime
    status: str
    indexed: int
    unchanged: int
    superseded: int
    dead: int
    seconds: float
    error: str | None = None


class FailureRow(Answer):
    url: str
    error: str
    at: datetime


class ServiceStatus(Answer):
    index: IndexState
    queue: QueueState
    runs: list[RunRow]
    failures: list[FailureRow]


class Refusal(Answer):
    """Why a call was refused: a sentence, or what is wrong with each field."""

    detail: str | list[dict[str, Any]]
