"""What a run says when it has ended, and what to do next."""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from collections.abc import Mapping
from typing import Any

import orjson

from pulse_cli.errors import Fatal
from pulse_cli.events import Problem, Stats, Summary, Target


def summarize(
    *,
    run_id: str,
    complete: bool,
    error: Fatal | None,
    stopped_by: str,
    sources: tuple[str, ...],
    target: Target,
    stats: Stats,
    checkpoint: str,
    dead_letters: str | None,
    command: str,
    notes: tuple[str, ...],
    pruned: int,
    fingerprint: Mapping[str, Any],
) -> Summary:
    """Sum up. `stopped_by` is the name of a signal, or empty."""
    resume = command if not complete else None
    if complete and dead_letters:
        resume = f"pulse index {dead_letters}"
    return Summary(
        run_id=run_id,
        status="complete" if complete else "failed" if error else "interrupted",
        sources=sources,
        target=target,
        stopped_by=stopped_by,
        counts=stats.counts,
        bytes_read=stats.bytes_read,
        embed_requests=stats.stages["embed"].requests,
        seconds=stats.elapsed_s,
        cpu_seconds=time.process_time(),
        peak_rss_bytes=peak_rss_bytes(),
        documents_done=stats.documents_done,
        chunks_embedded=stats.chunks_embedded,
        tokens_embedded=stats.tokens_embedded,
        stages=stats.stages,
        checkpoint=checkpoint,
        dead_letters=dead_letters,
        resume=resume,
        notes=notes,
        pruned=pruned,
        fingerprint=_hash(fingerprint),
        error=Problem(error.kind, str(error), error.hint) if error else None,
    )


def _hash(fingerprint: Mapping[str, Any]) -> str:
    data = orjson.dumps(dict(fingerprint), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()[:12]


def peak_rss_bytes() -> int:
    """The most memory this process has held; getrusage counts KiB, on macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
