"""Firecrawl's webhook events: which pages they bring, and what they are answered.

Answers are those of the original service (paths, status codes, keys). One difference: a bad
page does not cost the event its good ones; it is named in `failed_documents`. The data of an
extraction or an agent are no pages as a rule; they are passed over, and the event acknowledged.
Source of the event types: Firecrawl's webhook documentation, v0 to v2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from pulse_cli.model import Document, NoDocument, Skipped, Unreadable
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.serve.crawls import BATCH, CRAWL, mark

MAX_PAGES = 10_000
CRAWL_STAGES = frozenset(
    f"{kind}.{stage}" for kind in (CRAWL, BATCH) for stage in ("started", "completed", "failed")
)


class NotAnEvent(Exception):
    """The body is not an event of Firecrawl. `str()` says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `failed` are the pages that could not be read.

    `lines` go into the inbox: the `pages` as JSON, one line each, and one for the begin or the
    end of a crawl or batch scrape, which so has its place behind the pages before it.
    """

    type: str
    id: str
    success: bool
    error: str
    lines: Sequence[bytes] = ()
    pages: int = 0
    failed: Sequence[dict[str, str]] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        """The part after the dot: `started`, `page`, `completed`, `failed` …"""
        return self.type.rpartition(".")[2]


def read_event(body: bytes, shapes: Shapes) -> Event:
    """Read an event, page by page. Blocking. Raises NotAnEvent."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotAnEvent(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise NotAnEvent("the body is not an event: it has no `type`")
    pages = _pages(value.get("data"))
    metadata = value.get("metadata")
    event_id = str(value.get("id") or value.get("jobId") or "")
    brings_pages = value["type"].startswith(("crawl.", "batch_scrape.", "monitor.page"))
    lines: list[bytes] = []
    failed: list[dict[str, str]] = []
    for page in pages:
        problem = _problem(page, shapes)
        if problem is None:
            lines.append(mark(orjson.dumps(page), value["type"], event_id))
        elif brings_pages:
            failed.append(problem)
    count = len(lines)
    if value["type"] in CRAWL_STAGES:
        line = {"type": value["type"], "id": event_id, "data": []}
        lines.append(mark(orjson.dumps(line), value["type"], event_id))
    return Event(
        type=value["type"],
        id=event_id,
        success=value.get("success") is not False,
        error=str(value.get("error") or ""),
        lines=lines,
        pages=count,
        failed=failed,
        metadata=metadata if isinstance(metadata, dict) else {},
    )


def answer_to(event: Event, job_ids: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer; `job_ids` are those of the pages that were stored."""
    if not event.success:
        message = event.error or "the event reports a failure"
        return 200, {"status": "acknowledged", "message": message, "event_id": event.id}
    failed = {"failed_documents": list(event.failed)} if event.failed else {}
    if job_ids:
        return 202, {
            "status": "queued",
            "queued_jobs": len(job_ids),
            "job_ids": list(job_ids),
            **failed,
        }
    if event.failed or event.stage == "page":
        return 200, {"status": "no_documents", **failed}
    return 200, {"status": "acknowledged", "event_type": event.type}


def _pages(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return [data]
    if not isinstance(data, list):
        return []
    if len(data) > MAX_PAGES:
        raise NotAnEvent(f"the event holds {len(data):,} pages; at most {MAX_PAGES:,} are taken")
    return data


def _problem(page: Any, shapes: Shapes) -> dict[str, str] | None:
    """Why this page cannot be indexed, None where it can be (or is skipped for good reason)."""
    contents = shapes.contents(page, b"")
    if any(isinstance(content, Document | Skipped) for content in contents):
        return None
    for content in contents:
        if isinstance(content, Unreadable):
            return {
                "url": content.url or "",
                "error": content.detail,
                "error_type": content.reason,
            }
        if isinstance(content, NoDocument):
            return {"url": "", "error": "it holds no page", "error_type": content.reason}
    return {"url": "", "error": "it holds no page", "error_type": "no-document"}
