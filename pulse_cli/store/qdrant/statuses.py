"""Which error an answer of a Qdrant server stands for: one table by status and text.

Sources: qdrant 1.19 `src/actix/helpers.rs` (status per error), `rate_limiter.rs` (429 without
Retry-After: the request is larger than the limit will ever allow).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulse_cli.errors import Fatal, Kind, PulseError, Rejected, Transient, Unavailable

_BUSY = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Reply:
    """`error` is "" for success; `retry_after` in seconds, at most 60, None if not given."""

    status: int
    result: Any
    error: str = ""
    retry_after: float | None = None


def too_large(reply: Reply) -> bool:
    """Whether the request must be split: its body or its points exceed a fixed limit."""
    if reply.status == 413 or (reply.status == 400 and "larger than allowed" in reply.error):
        return True
    over_budget = "rate limit exceeded," in reply.error.lower()
    return reply.status == 429 and reply.retry_after is None and over_budget


def error_of(reply: Reply, what: str, server: str, collection: str) -> PulseError:
    """The error for an unexpected answer."""
    text, status = reply.error, reply.status
    message = f"Qdrant at {server} answered {status} to {what}: {text[:300]}"
    lower = text.lower()
    if status == 507 or "no space left" in lower:
        return Unavailable(
            message,
            hint="make room on the server, then run the same command again: it goes on from here",
            kind=Kind.DISK_FULL,
        )
    if status in (401, 403):
        return Fatal(message, hint="check the API key and what it may do", kind=Kind.AUTH)
    if status == 404:
        return _not_found(message, lower, server, collection)
    if 300 <= status < 400:
        return Fatal(message, hint="give the address it redirects to", kind=Kind.REDIRECT)
    if status == 429:
        return Transient(message, overload=True, retry_after=reply.retry_after)
    if status == 408:
        return Transient(message, timeout=True, retry_after=reply.retry_after)
    if status in _BUSY or status == 200:
        return Transient(message, retry_after=reply.retry_after)
    if "dimension error" in lower or "vector name error" in lower:
        return Fatal(
            message,
            hint="the collection was changed: name another --collection",
            kind=Kind.DIMENSION,
        )
    if status in (400, 409, 413, 422):
        return Rejected(message, reason="store-rejected")
    return Fatal(message, hint=f"is {server} a Qdrant server?", kind=Kind.WRONG_SERVER)


def _not_found(message: str, lower: str, server: str, collection: str) -> Fatal:
    if "no point with id" in lower:
        return Unavailable(
            f"collection {collection!r} was changed by another program while pulse wrote to it:"
            f" {message}",
            hint="run the same command again",
            kind=Kind.INDEX_CHANGED,
        )
    hint = f"is {server} a Qdrant server, and was collection {collection!r} removed meanwhile?"
    return Fatal(message, hint=hint, kind=Kind.NOT_FOUND)
