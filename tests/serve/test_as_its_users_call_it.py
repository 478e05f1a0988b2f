"""What users of the original service call and ask: the same calls and the same SQL, on both stores.

The calls, the fields that are read and the SQL stand in the documents of that service; only host
and port are others. On SQLite the tables have no schema, and percentiles are unknown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pulse_cli.records.database import open_records
from pulse_cli.simulators.process import SpawnedSimulator
from tests.records.conftest import postgres
from tests.serve.conftest import BEARER, Served

__all__ = ["postgres"]  # a fixture

PAGE = {
    "url": "https://docs.example/start",
    "markdown": "# Start\n\nTurn the key.",
    "title": "Start",
}
BATCHES = """
SELECT COUNT(*), AVG(duration_ms), MIN(duration_ms), MAX(duration_ms){percentiles}
FROM {schema}operation_metrics
WHERE operation_type = 'batch_processing' AND timestamp > {hour}
"""
PERCENTILES = "".join(
    f", PERCENTILE_CONT({share}) WITHIN GROUP (ORDER BY duration_ms)" for share in (0.5, 0.95, 0.99)
)
PER_JOB = """
SELECT job_id, COUNT(*) AS documents, SUM(CASE WHEN success THEN 1 ELSE 0 END), AVG(duration_ms)
FROM {schema}operation_metrics
WHERE operation_type = 'document_indexing' GROUP BY job_id
"""
FAILED = """
SELECT timestamp, operation_name, error_message, document_url FROM {schema}operation_metrics
WHERE success = false ORDER BY timestamp DESC LIMIT 10
"""
CHANGES = """
SELECT rescrape_job_id, rescrape_status, indexed_at FROM {schema}change_events WHERE id = {number}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """Where the records are kept; empty for the file in the state folder."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


@pytest.fixture
def service(mortal: Served, database: str) -> Iterator[Served]:
    with SpawnedSimulator("firecrawl") as firecrawl:
        if database:
            mortal.environment["WEBHOOK_DATABASE_URL"] = database
        mortal.environment["WEBHOOK_FIRECRAWL_BASE_URL"] = firecrawl.url
        mortal.start()
        yield mortal


def sql(service: Served, database: str, query: str, **values: Any) -> list[tuple[Any, ...]]:
    on_server = bool(database)
    asked = query.format(
        schema="webhook." if on_server else "",
        hour="NOW() - INTERVAL '1 hour'" if on_server else "datetime('now', '-1 hour')",
        percentiles=PERCENTILES if on_server else "",
        **values,
    )

    async def ask() -> list[tuple[Any, ...]]:
        records = open_records(database or f"sqlite:///{service.folder}/state/records.db")
        try:
            async with records.begin() as connection:
                return [tuple(row) for row in await connection.execute(text(asked))]
        finally:
            await records.close()

    return asyncio.run(ask())


def test_the_calls_and_the_sql_of_its_users(service: Served, database: str) -> None:
    base = service.url
    health = httpx.get(f"{base}/health").json()
    assert [health[name] for name in ("status", "qdrant", "tei", "database")] == [
        "healthy",
        *3 * ["connected"],
    ]
    assert health["redis"]

    job = httpx.post(f"{base}/api/index", json=PAGE, headers=BEARER)
    assert (job.status_code, job.json()["status"]) == (202, "queued")
    result = service.result(job.json()["job_id"])
    assert result["success"] is True
    raw = {"authorization": BEARER["authorization"].removeprefix("Bearer ")}
    tested = httpx.post(f"{base}/api/test-index", json=PAGE, headers=raw, timeout=30.0).json()
    assert tested["status"] == "success"
    assert tested["summary"]["indexed_to_qdrant"] is True
    assert {"step", "duration_ms", "status", "details"} <= set(tested["steps"][0])
    asked = {"query": "turn the key", "mode": "hybrid"}
    found = httpx.post(f"{base}/api/search", json=asked, headers=BEARER, timeout=30.0).json()
    assert found["results"][0]["url"] == PAGE["url"]
    bad = httpx.post(f"{base}/api/index", json={**PAGE, "url": "nowhere"}, headers=BEARER)
    assert service.result(bad.json()["job_id"])["success"] is False

    change = {"watch_id": "w", "watch_url": PAGE["url"], "detected_at": "2026-05-01T12:00:00Z"}
    told = httpx.post(f"{base}/api/webhook/changedetection", json=change, headers=BEARER).json()
    service.result(told["job_id"])
    row = sql(service, database, CHANGES, number=told["change_event_id"])[0]
    assert row[:2] == (told["job_id"], "completed")
    assert row[2]

    _operations(service)
    _log(service.log)
    count, *times = sql(service, database, BATCHES)[0]
    assert count >= 3
    assert len(times) == (6 if database else 3)
    assert all(one > 0 for one in times)
    per_job = {row[0]: row[1:3] for row in sql(service, database, PER_JOB)}
    assert per_job[job.json()["job_id"]] == (1, 1)
    assert per_job[bad.json()["job_id"]] == (1, 0)
    failed = sql(service, database, FAILED)
    assert [row[1] for row in failed] == ["index_document"]
    assert failed[0][2]


def _log(log: str) -> None:
    """The lines that are looked for in the log."""
    assert "service pool ready" in log
    assert "batch started: total=1; service pool reused" in log
    assert re.search(r"batch complete: total=1 success=1 failed=0 duration_ms=\d+", log)
    assert f"indexed: url={PAGE['url']} chunks=1" in log
    assert "failed: url= error=its URL is not one of http or https" in log


def _operations(service: Served) -> None:
    """The metrics calls, once the records are written, with the fields that are read."""

    def operations(**where: str) -> dict[str, Any]:
        found = service.client.get("/api/metrics/operations", params={"hours": "24", **where})
        answer: dict[str, Any] = found.json()
        return answer

    service.until(lambda: operations(success="false")["total"] == 1)
    for kind in ("embedding", "batch_processing", "document_indexing", "worker"):
        totals = operations(operation_type=kind)["operations_by_type"][kind]
        assert totals["avg_duration_ms"] > 0
        assert totals["total"] == totals["success_count"] + totals["failure_count"] > 0
    assert operations()["metrics"][0]["duration_ms"] > 0
