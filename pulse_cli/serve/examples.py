"""Bodies of requests and answers for the description of the API, one of each call."""

from __future__ import annotations

from typing import Any

_JOB = "00000001.0"
_PAGE = "https://docs.example/start"
_TIMING = {"total_ms": 41.0, "chunking_ms": 1.0, "embedding_ms": 32.0, "indexing_ms": 8.0}
_TOTALS = {"total": 120, "success_count": 119, "failure_count": 1, "avg_duration_ms": 38.5}

EVENT = {
    "success": True,
    "type": "crawl.page",
    "id": "crawl-1",
    "data": [
        {
            "markdown": "# Getting started\n\nInstall it, then run it.",
            "metadata": {"url": _PAGE, "title": "Getting started", "statusCode": 200},
        }
    ],
}
EVENT_TAKEN = {"status": "queued", "queued_jobs": 1, "job_ids": [_JOB]}
CHANGE_TAKEN = {"status": "queued", "job_id": _JOB, "change_event_id": 1, "url": _PAGE}
PAGE_TAKEN = {
    "job_id": _JOB,
    "status": "queued",
    "message": "the page is stored and will be indexed",
}
JOB = {
    "job_id": _JOB,
    "status": "finished",
    "result": {
        "status": "success",
        "document_url": _PAGE,
        "chunks_indexed": 1,
        "collection": "pulse_docs",
        "timing": _TIMING,
    },
}
TESTED = {
    "status": "success",
    "url": _PAGE,
    "total_duration_ms": 41.0,
    "steps": [{"step": "chunking", "duration_ms": 1.0, "status": "success", "details": {}}],
    "summary": {
        "chunks_indexed": 1,
        "total_tokens": 14,
        "indexed_to_qdrant": True,
        "indexed_to_bm25": True,
    },
}
FOUND = {
    "results": [
        {
            "id": "5f0c7e0a-6a3b-5b0e-9c52-0c8b3f6a1d2e",
            "url": _PAGE,
            "title": "Getting started",
            "description": "",
            "text": "Install it, then run it.",
            "score": 0.93,
            "metadata": {"domain": "docs.example", "language": "en"},
        }
    ],
    "total": 1,
    "query": "install",
    "mode": "hybrid",
}
STATS = {
    "total_documents": 120,
    "total_chunks": 640,
    "qdrant_points": 640,
    "bm25_documents": 120,
    "collection_name": "pulse_docs",
}
_SERVICES = {
    "redis": "not configured",
    "qdrant": "connected",
    "tei": "connected",
    "database": "connected",
}
HEALTH = {
    "status": "healthy",
    **_SERVICES,
    "services": _SERVICES,
    "timestamp": "2026-05-01T12:00:00+00:00",
}
OPERATIONS = {
    "metrics": [
        {
            "id": "0b9f6c2e-2c0c-4a60-8c3d-5a8f0f6f4a11",
            "timestamp": "2026-05-01T12:00:00+00:00",
            "operation_type": "embedding",
            "operation_name": "embed_batch",
            "duration_ms": 32.0,
            "success": True,
            "error_message": None,
            "request_id": None,
            "job_id": _JOB,
            "document_url": _PAGE,
        }
    ],
    "total": 1,
    "limit": 100,
    "offset": 0,
    "operations_by_type": {"embedding": _TOTALS},
}


def answered(example: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: what it answers when all is well."""
    content = {"application/json": {"example": example}}
    return {status: {"description": "all is well", "content": content}}


def asked(example: Any) -> dict[str, Any]:
    """`openapi_extra=` of a route that reads its body itself."""
    return {
        "requestBody": {"required": True, "content": {"application/json": {"example": example}}}
    }


def example_of(model: Any) -> Any:
    """The first example that a pydantic model of a body declares."""
    return model.model_config["json_schema_extra"]["examples"][0]
