"""What the service remembers of its work: rows for the records, the last runs and failures.

Rows are written by `Recorder` in the background; a record store that is down costs no page.
The names of operations are those of the original service, so that its users' queries go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pulse_cli.events import DocumentDone, Summary
from pulse_cli.model import Outcome
from pulse_cli.records.recorder import Operation, Recorder
from pulse_cli.serve.crawl_tallies import CrawlTallies
from pulse_cli.serve.crawls import Origin

LAST_RUNS = 10
LAST_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """A page that could not be indexed."""

    url: str
    error: str
    at: datetime


class Observations:
    """See the module docstring. Belongs to one event loop."""

    def __init__(self, recorder: Recorder, crawls: CrawlTallies) -> None:
        self._recorder = recorder
        self.crawls = crawls
        self.runs: deque[dict[str, Any]] = deque(maxlen=LAST_RUNS)
        self.failures: deque[Failure] = deque(maxlen=LAST_FAILURES)
        self.last_indexed_at: datetime | None = None
        self.documents: dict[str, int] = dict.fromkeys(map(str, Outcome), 0)

    def document(self, done: DocumentDone, job_id: str, origin: Origin) -> None:
        """One document, of a job or a crawl or both, has its outcome."""
        now = datetime.now(UTC)
        success = done.outcome is not Outcome.DEAD
        self.documents[str(done.outcome)] += 1
        if done.outcome is Outcome.INDEXED:
            self.last_indexed_at = now
        if not success:
            self.failures.appendleft(Failure(done.url, done.detail or done.reason, now))
        if origin.id:
            self.crawls.document(origin.kind, origin.id, done)
        for operation in _operations(done, job_id, origin.id, success=success):
            self._recorder.add(operation)

    def turn_ended(self, segments: int, took_ms: float, summary: Summary) -> None:
        """The worker is through with some segments, their results kept, or it was cut short."""
        self._recorder.add(
            Operation(
                "worker",
                "process_segments",
                took_ms,
                summary.status == "complete",
                error_message=summary.error.message if summary.error else None,
                extra_metadata={"segments": segments},
            )
        )

    def run_ended(self, summary: Summary) -> None:
        counts = summary.counts
        self.runs.appendleft(
            {
                "run_id": summary.run_id,
                "ended": datetime.now(UTC).isoformat(),
                "status": summary.status,
                "indexed": counts.indexed,
                "unchanged": counts.unchanged,
                "superseded": counts.superseded,
                "dead": sum(counts.dead.values()),
                "seconds": round(summary.seconds, 3),
                "error": summary.error.message if summary.error else None,
            }
        )
        self._recorder.add(
            Operation(
                "batch_processing",
                "index_segments",
                1000 * summary.seconds,
                summary.status == "complete",
                error_message=summary.error.message if summary.error else None,
                extra_metadata={"documents": counts.records, "chunks": counts.chunks},
            )
        )


def _operations(
    done: DocumentDone, job_id: str, crawl_id: str, *, success: bool
) -> Iterable[Operation]:
    """The whole of a document, and each stage that it came to."""
    common: dict[str, Any] = {
        "job_id": job_id or None,
        "crawl_id": crawl_id or None,
        "document_url": done.url,
    }
    total = done.prepare_ms + done.embed_ms + done.store_ms
    error = None if success else done.detail or done.reason
    yield Operation(
        "document_indexing",
        "index_document",
        total,
        success,
        error_message=error,
        extra_metadata={"outcome": str(done.outcome), "chunks": done.chunks},
        **common,
    )
    stages = (
        ("chunking", "chunk_text", done.prepare_ms, "chunks_created"),
        ("embedding", "embed_batch", done.embed_ms, "batch_size"),
        ("qdrant", "index_chunks", done.store_ms, "chunks_indexed"),
    )
    for kind, name, ms, figure in stages:
        if ms:
            yield Operation(kind, name, ms, True, extra_metadata={figure: done.chunks}, **common)
