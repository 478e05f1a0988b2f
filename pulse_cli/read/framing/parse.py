"""Parses one JSON value: with orjson, and if that refuses, with the standard library.

orjson is strict and fast. The standard library also reads NaN and Infinity, which Python writes,
and lone surrogates (`\\ud83d`, the half of an emoji), which JavaScript writes and which become
U+FFFD here. Bad UTF-8, raw control characters and broken syntax are refused, because they are signs
of damage. Only `Unparsable` is raised, however deep or long the value.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

SECOND_TRY = 16 * 1024 * 1024
"""Bytes. Longer values are not tried again: the standard library takes up to 8 times as much."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER = 4000
"""Digits. CPython refuses to convert more than 4300 (CVE-2020-10735)."""


class Unparsable(Exception):
    """`reason` is that of the dead letter; `str()` is a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def parse(raw: bytes | bytearray | memoryview) -> Any:
    """The value. Raises Unparsable."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        refusal = f"not valid JSON: {error.msg} (character {error.pos} of the value)"
    except RecursionError:  # orjson reports depth as a JSONDecodeError; json may not
        refusal = "nested too deeply"
    if len(raw) > SECOND_TRY:
        raise Unparsable("invalid-json", refusal)
    return _second_try(bytes(raw), refusal)


def _second_try(raw: bytes, refusal: str) -> Any:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Unparsable(
            "invalid-utf8", f"not valid UTF-8: byte {raw[error.start]:#04x} at {error.start}"
        ) from None
    try:
        return _sound(json.loads(text, parse_int=_integer))
    except RecursionError:
        raise Unparsable("too-deep", "nested too deeply to be a document") from None
    except ValueError:
        raise Unparsable("invalid-json", refusal) from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def _sound(value: Any) -> Any:
    """The value with lone surrogates replaced, because UTF-8 cannot express them."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, dict):
        return {_sound(key): _sound(item) for key, item in value.items()}
    return value
