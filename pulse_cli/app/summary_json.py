"""The JSON object that describes one run of `pulse index`, however it ended.

The object has the same keys for every exit code. `records` is the sum of `documents`.
Counts cover the run over all its starts; `seconds`, `cpu_seconds`, `peak_rss_bytes`, `rates`,
`stages` and `embed_requests` are those of this process.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pulse_cli.errors import Kind
from pulse_cli.events import Problem, StageStats, Summary, Target
from pulse_cli.sanitize import mask_credentials


def as_object(summary: Summary) -> dict[str, Any]:
    """The one JSON object of `pulse index --json`, without its `exit_code`."""
    counts = summary.counts
    return {
        "run_id": summary.run_id,
        "status": summary.status,
        "sources": [mask_credentials(name) for name in summary.sources],
        "target": asdict(summary.target),
        "records": counts.records,
        "documents": {
            "indexed": counts.indexed,
            "unchanged": counts.unchanged,
            "superseded": counts.superseded,
            "skipped": sum(counts.skipped.values()),
            "dead": sum(counts.dead.values()),
        },
        "skipped": dict(counts.skipped),
        "dead": dict(counts.dead),
        "dead_examples": {reason: dict(one) for reason, one in summary.dead_examples.items()},
        "chunks": counts.chunks,
        "tokens": counts.tokens,
        "bytes_read": summary.bytes_read,
        "bytes_text": counts.bytes_text,
        "embed_requests": summary.embed_requests,
        "seconds": round(summary.seconds, 3),
        "cpu_seconds": round(summary.cpu_seconds, 3),
        "peak_rss_bytes": summary.peak_rss_bytes,
        "rates": rates(summary),
        "stages": {name: _stage(stage) for name, stage in summary.stages.items()},
        "no_document": dict(counts.no_document),
        "truncated": counts.truncated,
        "pruned": summary.pruned,
        "checkpoint": summary.checkpoint,
        "dead_letters": summary.dead_letters,
        "resume": summary.resume,
        "error": None if summary.error is None else asdict(summary.error),
    }


def failed(kind: Kind, message: str, hint: str) -> Summary:
    """The summary of a run that never began."""
    return Summary(
        run_id="",
        status="failed",
        sources=(),
        target=Target("", "", "", 0),
        error=Problem(kind, mask_credentials(message), mask_credentials(hint)),
    )


def rates(summary: Summary) -> dict[str, float]:
    """Per second of this process; MB are decimal and of the input as stored."""
    seconds = summary.seconds or float("inf")
    return {
        "documents_per_s": round(summary.documents_done / seconds, 3),
        "chunks_per_s": round(summary.chunks_embedded / seconds, 3),
        "tokens_per_s": round(summary.tokens_embedded / seconds, 3),
        "mb_per_s": round(summary.bytes_read / 1e6 / seconds, 6),
    }


def _stage(stage: StageStats) -> dict[str, float]:
    return {
        "busy_s": round(stage.busy_s, 3),
        "p50_ms": round(stage.p50_ms, 3),
        "p95_ms": round(stage.p95_ms, 3),
        "p99_ms": round(stage.p99_ms, 3),
    }
