"""Crawl sessions: what is known of each crawl whose events arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from pulse_cli.records.database import Records, RecordsUnavailable
from pulse_cli.records.tables import crawl_sessions


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Milliseconds by stage, summed over the pages of a crawl. BM25 is part of the store."""

    chunking_ms: float = 0.0
    embedding_ms: float = 0.0
    store_ms: float = 0.0


async def begin(records: Records, job_id: str, base_url: str, operation_type: str) -> None:
    """Note that a crawl is under way; no error if that is known. Raises RecordsUnavailable."""
    try:
        async with records.begin() as connection:
            await connection.execute(
                insert(crawl_sessions).values(
                    job_id=job_id,
                    base_url=base_url,
                    operation_type=operation_type,
                    status="in_progress",
                )
            )
    except RecordsUnavailable as error:
        if not isinstance(error.__cause__, IntegrityError):
            raise


async def add_pages(
    records: Records, job_id: str, indexed: int, failed: int, times: StageTimes
) -> None:
    """Add what a batch of its pages came to. Raises RecordsUnavailable."""
    table = crawl_sessions.c
    async with records.begin() as connection:
        await connection.execute(
            update(crawl_sessions)
            .where(table.job_id == job_id)
            .values(
                total_pages=table.total_pages + indexed + failed,
                pages_indexed=table.pages_indexed + indexed,
                pages_failed=table.pages_failed + failed,
                total_chunking_ms=table.total_chunking_ms + times.chunking_ms,
                total_embedding_ms=table.total_embedding_ms + times.embedding_ms,
                total_qdrant_ms=table.total_qdrant_ms + times.store_ms,
            )
        )


async def end(records: Records, job_id: str, *, success: bool, error: str | None = None) -> None:
    """Note that a crawl has ended. Raises RecordsUnavailable."""
    now = datetime.now(UTC)
    async with records.begin() as connection:
        found = await connection.execute(
            select(crawl_sessions.c.started_at).where(crawl_sessions.c.job_id == job_id)
        )
        started = found.scalar()
        took = (now - started).total_seconds() * 1000 if started else None
        await connection.execute(
            update(crawl_sessions)
            .where(crawl_sessions.c.job_id == job_id)
            .values(
                status="completed" if success else "failed",
                success=success,
                completed_at=now,
                duration_ms=took,
                e2e_duration_ms=took,
                error_message=error,
            )
        )


async def get(records: Records, job_id: str) -> dict[str, Any] | None:
    """One crawl as a dict of its columns. Raises RecordsUnavailable."""
    async with records.begin() as connection:
        found = await connection.execute(
            select(crawl_sessions).where(crawl_sessions.c.job_id == job_id)
        )
        row = found.mappings().first()
        return None if row is None else dict(row)
