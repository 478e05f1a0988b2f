"""JSON in the state folder: by orjson, and by the standard library where orjson refuses.

orjson neither writes nor reads a lone surrogate, which is how Python holds the bytes of a file
name that is not UTF-8. The standard library escapes it (`\\udce9`), so the name comes back as it
was. It also writes values nested more deeply than orjson does.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


def to_json(value: Any) -> bytes:
    """`value` on one line. Raises ValueError or RecursionError for what is no JSON at all."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":"), check_circular=False).encode()


def from_json(data: bytes) -> Any:
    """The value of `to_json`. Raises ValueError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)
