"""One page indexed before its call is answered, each step with its time.

The page is indexed even if the index already holds it, so that the steps are those of real work.
It takes its turn with the runs over the inbox.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pulse_cli.events import DocumentDone, Event, Summary
from pulse_cli.model import Outcome
from pulse_cli.serve.indexer import Indexer

PATIENCE_S = 120.0


class _Told:
    """An observer that keeps what became of the page."""

    page: DocumentDone | None = None

    def on(self, event: Event) -> None:
        if isinstance(event, DocumentDone):
            self.page = event


async def index_now(
    indexer: Indexer, folder: Path, url: str, line: bytes, collection: str
) -> dict[str, Any]:
    """Index the page in `line`; the answer of `/api/test-index`. Raises TimeoutError.

    `folder`: where the page is kept meanwhile. `url`: its address as the caller gave it.
    """
    began = time.monotonic()
    told = _Told()
    file = folder / f"{time.time_ns()}.jsonl"
    async with asyncio.timeout(PATIENCE_S), indexer.turn:
        await asyncio.to_thread(_write, file, line)
        try:
            summary = await indexer.index((str(file),), told, force=True)
        finally:
            await asyncio.to_thread(file.unlink, missing_ok=True)
    took_ms = round(1000 * (time.monotonic() - began), 3)
    page = told.page
    error = _error(page, summary)
    status = "success" if error is None else "failed"
    return {
        "status": status,
        "url": (page.url if page else "") or url,
        "total_duration_ms": took_ms,
        "steps": list(_steps(page, status, collection)) if page else [],
        "summary": {
            "chunks_indexed": page.chunks if page and error is None else 0,
            "total_tokens": page.tokens if page else 0,
            "indexed_to_qdrant": error is None,
            "indexed_to_bm25": error is None,
        },
        **({} if error is None else {"error": error[0], "error_type": error[1]}),
    }


def _error(page: DocumentDone | None, summary: Summary) -> tuple[str, str] | None:
    """Why the page is not in the index, in words and as a type; None where it is."""
    if summary.error is not None:
        return summary.error.message, str(summary.error.kind)
    if page is None:
        return "it holds no page", "no-document"
    if page.outcome is Outcome.DEAD:
        return page.detail, page.reason
    if page.outcome is Outcome.SKIPPED:
        return f"it is not indexed: {page.reason}", page.reason
    return None


def _steps(page: DocumentDone, status: str, collection: str) -> Iterator[dict[str, Any]]:
    """The steps that the page came to; the last of them is the one that failed, if one did."""
    stages = (
        ("chunking", page.prepare_ms, {"chunks_created": page.chunks, "total_tokens": page.tokens}),
        ("embedding", page.embed_ms, {"batch_size": page.chunks}),
        ("indexing", page.store_ms, {"chunks_indexed": page.chunks, "collection": collection}),
    )
    reached = [stage for stage in stages if stage[1]]
    for name, took_ms, details in reached:
        ended = status if name == reached[-1][0] else "success"
        yield {
            "step": name,
            "duration_ms": round(took_ms, 3),
            "status": ended,
            "details": details if ended == "success" else {},
        }


def _write(file: Path, line: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_bytes(line + b"\n")
