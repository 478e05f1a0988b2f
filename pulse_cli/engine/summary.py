"""What a run says when it has ended, and what to do next."""

from __future__ import annotations

import hashlib
import resource
import shlex
import sys
import time
from collections.abc import Mapping
from typing import Any

from pulse_cli.engine.progress.json_text import to_json
from pulse_cli.engine.resume import OpenRun, RunOptions
from pulse_cli.errors import Fatal
from pulse_cli.events import Problem, Stats, Status, Summary


def summarize(
    opened: OpenRun,
    options: RunOptions,
    stats: Stats,
    *,
    complete: bool,
    error: Fatal | None,
    stopped_by: str,
    checkpoint: str,
    notes: tuple[str, ...],
    pruned: int,
) -> Summary:
    """Sum up. `stopped_by` is the name of a signal, or empty."""
    run_state = opened.run_state
    dead_letters = str(run_state.dead_letters.path) if run_state.dead_letters.mark else None
    resume = options.command if not complete else None
    if complete and dead_letters:
        resume = retry_command(dead_letters, options.retry_flags)
    return Summary(
        run_id=opened.run_id,
        status=_status(complete, error, stopped_by),
        sources=options.sources,
        target=options.target,
        stopped_by=stopped_by,
        counts=stats.counts,
        earlier=opened.earlier,
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
        dead_examples=run_state.examples,
        notes=notes,
        pruned=pruned,
        fingerprint=_hash(opened.state["fingerprint"]),
        error=Problem(error.kind, str(error), error.hint) if error else None,
    )


def _status(complete: bool, error: Fatal | None, stopped_by: str) -> Status:
    if complete or error is not None:
        return "complete" if complete else "failed"
    return "interrupted" if stopped_by else "limited"


def retry_command(dead_letters: str, flags: str) -> str:
    """The command that indexes the dead letters of a run into the same index."""
    return f"pulse index {shlex.quote(dead_letters)} {flags}".rstrip()


def _hash(fingerprint: Mapping[str, Any]) -> str:
    data = to_json(dict(sorted(fingerprint.items())))
    return hashlib.sha256(data).hexdigest()[:12]


def peak_rss_bytes() -> int:
    """The peak memory of this process. getrusage counts in KiB, on macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
