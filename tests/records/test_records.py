"""Records on SQLite and on PostgreSQL: rows in, answers out, and a store that is down."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from pulse_cli.records import change_events, crawls, queries
from pulse_cli.records.change_events import ChangeEvent
from pulse_cli.records.database import Records, RecordsUnavailable, open_records
from pulse_cli.records.recorder import Operation, Recorder, Request
from pulse_cli.records.tables import SCHEMA, operation_metrics

LONG_URL = "https://site.example/" + "x" * 2000


def operation(kind: str = "embedding", ms: float = 10.0, *, success: bool = True) -> Operation:
    return Operation(
        kind,
        "embed_batch",
        ms,
        success,
        error_message=None if success else "refused",
        job_id="job 1",
        document_url=LONG_URL,
        extra_metadata={"batch_size": 3},
    )


async def test_operations_come_back_with_totals_by_type(records: Records) -> None:
    recorder = Recorder(records)
    for ms in (10.0, 30.0):
        recorder.add(operation(ms=ms))
    recorder.add(operation("qdrant", 5.0, success=False))
    assert await recorder.flush() == 3

    found = await queries.operations(records, queries.OperationFilter())
    assert found["total"] == 3
    assert [row["operation_type"] for row in found["metrics"]] == ["qdrant", *2 * ["embedding"]]
    row = found["metrics"][0]
    assert (row["success"], row["error_message"], row["job_id"]) == (False, "refused", "job 1")
    assert row["document_url"] == LONG_URL
    assert datetime.fromisoformat(row["timestamp"]).utcoffset() == timedelta(0)
    uuid.UUID(row["id"])
    embedding = found["summary_by_type"]["embedding"]
    assert embedding["avg_duration_ms"] == 20.0
    assert (embedding["min_duration_ms"], embedding["max_duration_ms"]) == (10.0, 30.0)
    assert (embedding["total"], embedding["success_count"], embedding["failure_count"]) == (2, 2, 0)
    assert found["operations_by_type"]["qdrant"]["failed_operations"] == 1
    assert found["operations_by_type"]["qdrant"]["success_rate"] == 0.0


async def test_no_text_keeps_back_the_rows_after_it(records: Records) -> None:
    """A NUL, half a surrogate pair and what is too long for its column come from outside."""
    recorder = Recorder(records)
    odd = "a\0b\ud800" + "x" * 600
    recorder.add(Request("UNSUBSCRIBE", odd, 405, 1.0, client_ip=odd))
    recorder.add(
        Operation(odd, odd, 1.0, False, odd, odd, odd, odd, odd, extra_metadata={odd: [odd]})
    )
    assert await recorder.flush() == 2
    where = queries.OperationFilter(document_url=odd)
    found = (await queries.operations(records, where))["metrics"][0]
    assert found["document_url"].startswith("a\ufffdb?xxx")
    assert len(found["operation_type"]) == 50
    event = ChangeEvent(odd[:20], odd, datetime.now(UTC), odd, odd, {"watch_title": odd})
    number = await change_events.add(records, event, "job 1")
    assert await change_events.get(records, number)
    assert await queries.crawl(records, odd) is None


async def test_the_first_who_come_may_come_at_once(tmp_path: Path) -> None:
    records = open_records(f"sqlite:///{tmp_path}/records.db")
    found = await asyncio.gather(*(change_events.unfinished(records) for _ in range(8)))
    assert found == 8 * [[]]
    await records.close()


async def test_operations_are_filtered_and_paged(records: Records) -> None:
    recorder = Recorder(records)
    for number in range(5):
        recorder.add(operation(success=number % 2 == 0))
    recorder.add(Operation("worker", "start", 1.0, True, timestamp=days_ago(2)))
    await recorder.flush()
    where = queries.OperationFilter(success=False)
    assert (await queries.operations(records, where))["total"] == 2
    everything = await queries.operations(records, queries.OperationFilter(), limit=2, offset=4)
    assert (everything["total"], len(everything["metrics"])) == (5, 1)
    old = queries.OperationFilter(hours=72, operation_type="worker")
    assert (await queries.operations(records, old))["total"] == 1


async def test_requests_and_the_summary(records: Records) -> None:
    recorder = Recorder(records)
    recorder.add(Request("POST", "/api/search", 200, 12.5))
    recorder.add(Request("GET", "/health", 503, 2.5))
    recorder.add(operation())
    await recorder.flush()
    found = await queries.requests(records, path="/api/search", method="post", min_duration_ms=10)
    assert [row["status_code"] for row in found["metrics"]] == [200]
    total = await queries.summary(records)
    assert total["requests"]["total_requests"] == 2
    assert total["requests"]["error_count"] == 1
    assert total["operations_by_type"]["embedding"]["total"] == 1


async def test_the_sql_of_the_original_documents_runs(records: Records, request) -> None:
    """Percentiles are PostgreSQL's; SQLite has neither them nor schemas."""
    recorder = Recorder(records)
    for ms in (10.0, 20.0, 30.0):
        recorder.add(Operation("batch_processing", "batch", ms, True, job_id="b"))
        recorder.add(Operation("document_indexing", "document", ms, ms < 30, job_id="b"))
    await recorder.flush()
    postgres = "postgres" in request.node.name
    table = "webhook.operation_metrics" if postgres else "operation_metrics"
    hour = "NOW() - INTERVAL '1 hour'" if postgres else "datetime('now', '-1 hour')"
    async with records.begin() as connection:
        found = await connection.execute(
            text(
                "SELECT AVG(duration_ms), MIN(duration_ms), MAX(duration_ms)"
                f" FROM {table} WHERE operation_type = 'batch_processing' AND timestamp > {hour}"
            )
        )
        assert tuple(found.one()) == (20.0, 10.0, 30.0)
        whole = "success::int" if postgres else "success"
        found = await connection.execute(
            text(
                f"SELECT job_id, COUNT(*), SUM({whole}), AVG(duration_ms) FROM {table}"
                " WHERE operation_type = 'document_indexing' GROUP BY job_id"
            )
        )
        assert tuple(found.one()) == ("b", 3, 2, 20.0)
        if postgres:
            found = await connection.execute(
                text(
                    "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY duration_ms),"
                    " PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY duration_ms)"
                    " FROM webhook.operation_metrics WHERE operation_type = 'batch_processing'"
                )
            )
            assert tuple(found.one()) == (20.0, 29.0)


async def test_a_change_event_goes_through_its_states(records: Records) -> None:
    event = ChangeEvent("w", "https://site.example/", days_ago(0), "s" * 900, "https://diff")
    number = await change_events.add(records, event, "job 7")
    stored = await change_events.get(records, number)
    assert stored is not None
    assert len(stored["diff_summary"]) == 500
    assert await change_events.unfinished(records) == [(number, "https://site.example/", "job 7")]
    await change_events.mark(records, number, change_events.IN_PROGRESS)
    assert len(await change_events.unfinished(records)) == 1
    done = datetime.now(UTC)
    await change_events.mark(records, number, change_events.COMPLETED, indexed_at=done)
    stored = await change_events.get(records, number)
    assert stored is not None
    assert (stored["rescrape_status"], stored["indexed_at"]) == ("completed", done)
    assert await change_events.unfinished(records) == []
    assert len(change_events.failed("y" * 999)) == len("failed: ") + 200


async def test_a_crawl_adds_up(records: Records) -> None:
    for _ in range(2):  # told twice, kept once
        await crawls.begin(records, "crawl 1", "https://site.example/", "crawl")
    times = crawls.StageTimes(1.0, 2.0, 3.0)
    await crawls.add_pages(records, "crawl 1", 3, 1, times)
    await crawls.add_pages(records, "crawl 1", 2, 0, times)
    await crawls.end(records, "crawl 1", success=True)
    found = await queries.crawl(records, "crawl 1")
    assert found is not None
    assert (found["total_pages"], found["pages_indexed"], found["pages_failed"]) == (6, 5, 1)
    assert found["total_embedding_ms"] == 4.0
    assert found["status"] == "completed"
    assert found["e2e_duration_ms"] >= 0
    assert await queries.crawl(records, "another") is None


async def test_old_rows_go(records: Records) -> None:
    recorder = Recorder(records)
    recorder.add(Operation("worker", "start", 1.0, True, timestamp=days_ago(40)))
    recorder.add(Operation("worker", "start", 1.0, True, timestamp=days_ago(1)))
    await recorder.flush()
    assert await recorder.delete_older(timedelta(days=30)) == 1
    async with records.begin() as connection:
        found = await connection.execute(select(func.count()).select_from(operation_metrics))
        assert found.scalar_one() == 1


async def test_a_store_that_is_down_keeps_the_newest_rows_and_counts_the_rest() -> None:
    records = open_records("postgresql+asyncpg://user:s3cret-canary@127.0.0.1:1/none")
    recorder = Recorder(records, max_buffered=2)
    for ms in (1.0, 2.0, 3.0):
        recorder.add(operation(ms=ms))
    assert await recorder.flush() == 0
    assert recorder.dropped == 1
    assert "127.0.0.1" in recorder.last_error
    assert "s3cret-canary" not in recorder.last_error
    with pytest.raises(RecordsUnavailable):
        await recorder.delete_older(timedelta(days=1))
    await records.close()


async def test_a_store_that_comes_back_gets_what_was_kept(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    records = open_records(f"sqlite:///{folder}/records.db")
    folder.rmdir()
    recorder = Recorder(records)
    recorder.add(operation())
    assert await recorder.flush() == 0
    folder.mkdir()
    assert await recorder.flush() == 1
    assert (await queries.operations(records, queries.OperationFilter()))["total"] == 1
    await records.close()


async def test_more_rows_than_a_batch_are_all_written(tmp_path: Path) -> None:
    records = open_records(f"sqlite:///{tmp_path}/records.db")
    recorder = Recorder(records)
    for _ in range(1_234):
        recorder.add(operation())
    assert await recorder.flush() == 1_234
    await records.close()


@pytest.mark.parametrize("url", ["nothing", "mysql://host/db", "sqlite"])
def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite"):
        open_records(url)


def test_the_schema_has_the_name_that_sql_of_its_users_has() -> None:
    assert f"{SCHEMA}.operation_metrics" == str(operation_metrics)


def days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
