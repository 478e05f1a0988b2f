"""The commit record of a page: what is read back of the payload of its chunk 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_cli.model import Commit

COMMIT_FIELDS = ("content_hash", "rev", "run_id", "chunk_count", "doc_tokens")


def read_commit(payload: Mapping[str, Any] | None) -> Commit:
    """Read it leniently: a field of another type counts as missing, so the page is rewritten."""
    found = payload or {}

    def text(name: str) -> str | None:
        value = found.get(name)
        return value if isinstance(value, str) else None

    def number(name: str) -> int:
        value = found.get(name)
        return value if isinstance(value, int) else 0

    return Commit(
        content_hash=text("content_hash"),
        rev=text("rev"),
        run_id=text("run_id"),
        chunk_count=number("chunk_count"),
        doc_tokens=number("doc_tokens"),
    )
