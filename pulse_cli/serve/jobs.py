"""Jobs: one for each page that was accepted, and what became of it.

The id of a job says where its page stands (`<segment>.<line>`), so accepting a page writes
nothing besides the page. Results are kept in one file for each segment, written whole before
the segment goes, so a job is known at every moment until its results are `keep` seconds old.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.atomic_file import write_atomically
from pulse_cli.events import DocumentDone
from pulse_cli.model import Outcome
from pulse_cli.serve.inbox import Inbox

_JOB_ID = re.compile(r"(\d{13,19})\.(\d{1,9})")


class Jobs:
    """States and results of jobs. `folder` holds the results; file access is blocking."""

    def __init__(self, folder: Path, inbox: Inbox, *, keep: float) -> None:
        """`keep`: seconds that results can be asked for."""
        self._folder = folder
        self._inbox = inbox
        self._keep = keep
        self.running: frozenset[str] = frozenset()  # ids of the segments being indexed

    def state(self, job_id: str) -> dict[str, Any] | None:
        """`{job_id, status, result}` with the words of RQ for the status; None if unknown."""
        match = _JOB_ID.fullmatch(job_id)
        if match is None:
            return None
        segment, line = match[1], int(match[2])
        if (results := self._results(segment)) is not None:
            if line >= len(results):
                return None
            result = results[line]
            status = "failed" if result["status"] == "error" else "finished"
            return {"job_id": job_id, "status": status, "result": result}
        if not self._inbox.holds(segment):
            return None
        status = "started" if segment in self.running else "queued"
        return {"job_id": job_id, "status": status, "result": None}

    def keep_results(self, segment: str, results: Sequence[Mapping[str, Any]]) -> None:
        """Store the results of a segment, one for each of its lines, durably."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = b"".join(orjson.dumps(dict(result)) + b"\n" for result in results)
        write_atomically(self._folder / f"{segment}.jsonl", data)

    def delete_old(self) -> None:
        """Remove results that are older than `keep`."""
        before = time.time() - self._keep
        for path in self._folder.glob("*.jsonl"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _results(self, segment: str) -> list[dict[str, Any]] | None:
        try:
            lines = (self._folder / f"{segment}.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return None
        return [orjson.loads(line) for line in lines]


def result_of(done: DocumentDone, collection: str) -> dict[str, Any]:
    """The result of one page in the forms of the original service, both at once."""
    if done.outcome is Outcome.DEAD:
        return {
            "status": "error",
            "success": False,
            "document_url": done.url,
            "url": done.url,
            "error": done.detail,
            "error_type": done.reason,
        }
    total = done.prepare_ms + done.embed_ms + done.store_ms
    return {
        "status": "success",
        "success": True,
        "document_url": done.url,
        "url": done.url,
        "outcome": str(done.outcome),
        "reason": done.reason,
        "chunks_indexed": done.chunks,
        "total_tokens": done.tokens,
        "collection": collection,
        "timing": {
            "total_ms": round(total, 3),
            "chunking_ms": round(done.prepare_ms, 3),
            "embedding_ms": round(done.embed_ms, 3),
            "indexing_ms": round(done.store_ms, 3),
        },
    }
