"""Dead letters: one JSON line per record that could not be indexed, and why.

`pulse index X.dead.jsonl` retries them. The record is kept whole, as `record` (a JSON value) or
`raw_base64` (bytes). Of more than 8 MiB only an `excerpt` of at most 4 KiB is kept, with the
place where the record is in the source.
"""

from __future__ import annotations

import base64
from typing import Any

from pulse_cli.engine.progress.json_text import from_json, to_json
from pulse_cli.model import Document, Place, Unreadable

EXCERPT_CHARS = 4096


def unreadable_letter(place: Place, value: Unreadable) -> bytes:
    """The line for a value that could not be read."""
    if value.record is not None:
        kept: dict[str, Any] = {"record": value.record}
    elif value.raw is not None:
        kept = {"raw_base64": base64.b64encode(value.raw).decode()}
    else:
        kept = {"excerpt": value.excerpt[:EXCERPT_CHARS]}
    return _line(place, value.reason, value.detail, kept)


def document_letter(place: Place, document: Document, reason: str, detail: str) -> bytes:
    """The line for a document that a service refused; its `record` gives the same document."""
    record = {
        "markdown": document.text,
        "country": document.country,
        "isMobile": document.is_mobile,
        "metadata": {
            "url": document.url,
            "sourceURL": document.source_url,
            "title": document.title,
            "description": document.description,
            "language": document.language,
        },
    }
    return _line(place, reason, detail, {"record": record})


def example_of(letter: bytes) -> dict[str, Any]:
    """What a letter says of its record: `source`, `line`, `byte` and `detail`."""
    found = from_json(letter)
    return {name: found[name] for name in ("source", "line", "byte", "detail") if name in found}


def _line(place: Place, reason: str, detail: str, kept: dict[str, Any]) -> bytes:
    head = {
        "pulse_dead": 1,
        "source": place.source.encode(errors="backslashreplace").decode(),
        "line": place.line,
        "byte": place.byte,
        "length": place.length,
        "reason": reason,
        "detail": detail[:EXCERPT_CHARS],
    }
    return to_json({**head, **kept}) + b"\n"
