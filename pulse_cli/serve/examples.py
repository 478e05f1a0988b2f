"""Bodies of requests and answers that the description of the API shows."""

from __future__ import annotations

_JOB = "1777636800000.0"
_PAGE = "https://docs.example/start"
_TIMING = {"total_ms": 41.0, "chunking_ms": 1.0, "embedding_ms": 32.0, "indexing_ms": 8.0}
_TOTALS = {
    "avg_duration_ms": 38.5,
    "min_duration_ms": 4.0,
    "max_duration_ms": 210.0,
    "total_operations": 120,
    "successful_operations": 119,
    "failed_operations": 1,
    "success_rate": 99.17,
    "total": 120,
    "success_count": 119,
    "failure_count": 1,
}
_MOMENT = "2026-05-01T12:00:00+00:00"

EVENT_TAKEN = {"status": "queued", "queued_jobs": 1, "job_ids": [_JOB]}
EVENT_ACKNOWLEDGED = {"status": "acknowledged", "event_type": "crawl.started"}
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
        "success": True,
        "document_url": _PAGE,
        "url": _PAGE,
        "outcome": "indexed",
        "reason": "",
        "chunks_indexed": 1,
        "total_tokens": 14,
        "collection": "pulse_docs",
        "timing": _TIMING,
    },
}
TESTED = {
    "status": "success",
    "url": _PAGE,
    "total_duration_ms": 41.0,
    "steps": [
        {
            "step": "chunking",
            "duration_ms": 1.0,
            "status": "success",
            "details": {"chunks_created": 1, "total_tokens": 14},
        }
    ],
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
    "timestamp": _MOMENT,
}
OPERATIONS = {
    "metrics": [
        {
            "id": "0b9f6c2e-2c0c-4a60-8c3d-5a8f0f6f4a11",
            "timestamp": _MOMENT,
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
    "summary_by_type": {"embedding": _TOTALS},
    "operations_by_type": {"embedding": _TOTALS},
}
_REQUESTS = {
    "total_requests": 40,
    "avg_duration_ms": 6.2,
    "max_duration_ms": 41.0,
    "error_count": 0,
}
REQUESTS = {
    "metrics": [
        {
            "id": "9c0e6b5a-3f0f-4d55-8a52-0a1d6f5f7c22",
            "timestamp": _MOMENT,
            "method": "POST",
            "path": "/api/search",
            "status_code": 200,
            "duration_ms": 6.2,
            "request_id": "2f1c9f6f3b7d4f0c8a7e5d4c3b2a1908",
            "client_ip": "127.0.0.1",
            "extra_metadata": None,
            "created_at": _MOMENT,
        }
    ],
    "total": 40,
    "limit": 1,
    "offset": 0,
    "summary": _REQUESTS,
}
SUMMARY = {
    "hours": 24,
    "requests": _REQUESTS,
    "operations": {"embedding": _TOTALS},
    "operations_by_type": {"embedding": _TOTALS},
}
CRAWL = {
    "id": "3d1b6a52-8f0c-4a76-9a34-6f0d2e1c5b77",
    "job_id": "crawl-1",
    "crawl_id": "crawl-1",
    "base_url": "https://docs.example",
    "operation_type": "crawl",
    "status": "completed",
    "success": True,
    "started_at": _MOMENT,
    "completed_at": "2026-05-01T12:01:00+00:00",
    "duration_ms": 60000.0,
    "e2e_duration_ms": 60000.0,
    "total_pages": 120,
    "pages_indexed": 119,
    "pages_failed": 1,
    "total_chunking_ms": 120.0,
    "total_embedding_ms": 3900.0,
    "total_qdrant_ms": 960.0,
    "total_bm25_ms": 0.0,
    "error_message": None,
    "extra_metadata": None,
    "created_at": _MOMENT,
    "updated_at": "2026-05-01T12:01:00+00:00",
}
STATUS = {
    "index": {
        "pages": 120,
        "chunks": 640,
        "collection": "pulse_docs",
        "last_indexed_at": _MOMENT,
        "domains": [{"domain": "docs.example", "pages": 120}],
    },
    "queue": {"state": "idle", "segments": 0, "bytes": 0},
    "runs": [
        {
            "run_id": "20260501T120000-4a026d",
            "ended": _MOMENT,
            "status": "complete",
            "indexed": 119,
            "unchanged": 0,
            "superseded": 0,
            "dead": 1,
            "seconds": 4.2,
            "error": None,
        }
    ],
    "failures": [{"url": _PAGE, "error": "its URL is not one of http or https", "at": _MOMENT}],
}
METRICS = """# HELP pulse_backlog_bytes Accepted pages that wait to be indexed.
# TYPE pulse_backlog_bytes gauge
pulse_backlog_bytes 0
"""
