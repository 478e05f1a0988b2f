"""The log of runs: one JSON line for each start of `pulse index`, in the state folder.

It is for people and monitoring. No run reads it to decide anything, so a lost or damaged line
does no harm. A line is appended by one write, so starts that end at the same time do not mix
their lines. At 1 MiB the file becomes `runs.jsonl.1` and replaces the earlier one of that name.
Both together hold about the last 500 runs or more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pulse_cli.atomic_file import write_atomically
from pulse_cli.engine.progress.disk import disk_errors
from pulse_cli.engine.progress.json_text import from_json, to_json
from pulse_cli.events import Summary

NAME = "runs.jsonl"
MOST_BYTES = 1 << 20
FORMAT = 2


def record_of(summary: Summary, started: float, ended: float) -> dict[str, Any]:
    """The record of one start. Times are seconds since 1970. `counts` cover all starts of the
    run, everything else this start. Addresses are without user and password."""
    return {
        "format": FORMAT,
        "run_id": summary.run_id,
        "started": started,
        "ended": ended,
        "status": summary.status,
        "stopped_by": summary.stopped_by,
        "sources": list(summary.sources),
        "target": asdict(summary.target),
        "fingerprint": summary.fingerprint,
        "counts": asdict(summary.counts),
        "pruned": summary.pruned,
        "bytes_read": summary.bytes_read,
        "documents_done": summary.documents_done,
        "chunks_embedded": summary.chunks_embedded,
        "cpu_seconds": round(summary.cpu_seconds, 3),
        "peak_rss_bytes": summary.peak_rss_bytes,
        "stages": {
            name: {
                "requests": stage.requests,
                "retries": stage.retries,
                "dead": stage.dead,
                "busy_s": round(stage.busy_s, 3),
                "p50_ms": round(stage.p50_ms, 3),
                "p95_ms": round(stage.p95_ms, 3),
                "p99_ms": round(stage.p99_ms, 3),
            }
            for name, stage in summary.stages.items()
        },
        "dead_letters": summary.dead_letters,
        "resume": summary.resume,
        "error": None if summary.error is None else asdict(summary.error),
    }


def append(folder: Path, record: dict[str, Any]) -> None:
    """Add a line. Raises Fatal where the folder cannot be written."""
    path = folder / NAME
    with disk_errors(path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size >= MOST_BYTES:
            path.replace(path.with_name(f"{NAME}.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, to_json(record) + b"\n")
        finally:
            os.close(descriptor)


def read(folder: Path, since: float = 0.0) -> Iterator[dict[str, Any]]:
    """The records of starts that ended at `since` or later, the oldest first.

    Damaged lines are left out. Raises OSError.
    """
    for path in _files(folder):
        for line in path.read_bytes().splitlines():
            record = _record(line)
            if record is not None and record["ended"] >= since:
                yield record


def remove(folder: Path, is_meant: Callable[[dict[str, Any]], bool], *, really: bool) -> int:
    """Remove matching records from the log. Returns their number. Raises Fatal.

    Without `really` they are only counted. A start that ends at this moment may lose its line.
    """
    removed = 0
    for path in _files(folder):
        with disk_errors(path):
            lines = path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if not ((one := _record(line)) and is_meant(one))]
            removed += len(lines) - len(kept)
            if really and len(kept) < len(lines):
                write_atomically(path, b"".join(kept))
    return removed


def _files(folder: Path) -> list[Path]:
    return [path for path in (folder / f"{NAME}.1", folder / NAME) if path.exists()]


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = from_json(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("format") == FORMAT else None
