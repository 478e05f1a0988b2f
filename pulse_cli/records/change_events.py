"""Change events: an address that changed, and what became of scraping it again.

States of `rescrape_status`: `queued`, `in_progress`, `completed`, `failed: <why>`. Each
function is one short transaction; none is open while anything is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select, update

from pulse_cli.records.database import Records
from pulse_cli.records.tables import change_events

QUEUED, IN_PROGRESS, COMPLETED = "queued", "in_progress", "completed"
FAILED = "failed: "
MAX_FAILURE = 200
MAX_SUMMARY = 500


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """A change that was told. `snapshot` is its text; only the first 500 characters are kept."""

    watch_id: str
    watch_url: str
    detected_at: datetime
    snapshot: str | None = None
    diff_url: str | None = None
    extra: dict[str, Any] | None = None


async def add(records: Records, event: ChangeEvent, job_id: str) -> int:
    """Store it as `queued`; its number. Raises RecordsUnavailable."""
    async with records.begin() as connection:
        done = await connection.execute(
            insert(change_events)
            .values(
                watch_id=event.watch_id,
                watch_url=event.watch_url,
                detected_at=event.detected_at,
                diff_summary=(event.snapshot or "")[:MAX_SUMMARY] or None,
                snapshot_url=event.diff_url,
                rescrape_job_id=job_id,
                rescrape_status=QUEUED,
                extra_metadata=event.extra,
            )
            .returning(change_events.c.id)
        )
        return int(done.scalar_one())


async def mark(
    records: Records, number: int, status: str, *, indexed_at: datetime | None = None
) -> None:
    """Set the state of one event. Raises RecordsUnavailable."""
    async with records.begin() as connection:
        await connection.execute(
            update(change_events)
            .where(change_events.c.id == number)
            .values(rescrape_status=status, indexed_at=indexed_at)
        )


def failed(why: str) -> str:
    """The state of an event that could not be scraped or indexed."""
    return f"{FAILED}{why[:MAX_FAILURE]}"


async def unfinished(records: Records) -> list[tuple[int, str, str]]:
    """(number, address, job) of the events that are queued or were in progress, oldest first."""
    columns = (change_events.c.id, change_events.c.watch_url, change_events.c.rescrape_job_id)
    state = change_events.c.rescrape_status
    async with records.begin() as connection:
        found = await connection.execute(
            select(*columns)
            .where(or_(state == QUEUED, state == IN_PROGRESS))
            .order_by(change_events.c.id)
        )
        return [(row[0], row[1], row[2] or "") for row in found]


async def job(records: Records, job_id: str) -> dict[str, Any] | None:
    """The event of a job as the state of that job. Raises RecordsUnavailable."""
    async with records.begin() as connection:
        found = await connection.execute(
            select(change_events).where(change_events.c.rescrape_job_id == job_id)
        )
        row = found.mappings().first()
    if row is None:
        return None
    state = row["rescrape_status"]
    known = {QUEUED: "queued", IN_PROGRESS: "started", COMPLETED: "finished"}
    about: dict[str, Any] = {
        "change_event_id": row["id"],
        "url": row["watch_url"],
        "document_url": row["watch_url"],
    }
    result: dict[str, Any] | None = None
    if state == COMPLETED:
        result = about | {"status": "success", "success": True, "indexed_at": row["indexed_at"]}
    elif state not in known:
        error = state.removeprefix(FAILED)
        result = about | {
            "status": "error",
            "success": False,
            "error": error,
            "error_type": "rescrape",
        }
    return {"job_id": job_id, "status": known.get(state, "failed"), "result": result}


async def get(records: Records, number: int) -> dict[str, Any] | None:
    """One event as a dict of its columns."""
    async with records.begin() as connection:
        found = await connection.execute(select(change_events).where(change_events.c.id == number))
        row = found.mappings().first()
        return None if row is None else dict(row)
