"""Reads dead letters again, for a retry: `pulse index X.dead.jsonl`.

A letter holds the value that could not be indexed (`record`), or the bytes that could not be
read (`raw_base64`), or only the beginning of something too long (`excerpt`), which stays a dead
letter.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, NamedTuple

from pulse_cli.model import Unreadable
from pulse_cli.read.framing.parse import Unparsable, parse


class Reopened(NamedTuple):
    """A value from a letter; `raw` are its original bytes if the letter has them."""

    value: Any
    raw: bytes | None


def is_dead_letter(value: dict[str, Any]) -> bool:
    return value.get("pulse_dead") == 1


def reopened(letter: dict[str, Any]) -> Iterator[Reopened | Unreadable]:
    """The values in a dead letter."""
    if letter.get("record") is not None:
        yield Reopened(letter["record"], None)
    elif isinstance(encoded := letter.get("raw_base64"), str):
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            yield Unreadable("invalid-json", "a dead letter whose raw_base64 is not base64")
            return
        try:
            yield Reopened(parse(raw), raw)
        except Unparsable as error:
            yield Unreadable(error.reason, str(error), raw=raw)
    else:
        excerpt = letter.get("excerpt")
        reason = letter.get("reason")
        yield Unreadable(
            reason if isinstance(reason, str) else "too-long",
            "only its beginning was kept; retry it from its source",
            excerpt=excerpt if isinstance(excerpt, str) else "",
        )
