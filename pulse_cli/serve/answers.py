"""JSON answers, written by orjson."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Response


def json_answer(value: Any, status: int = 200) -> Response:
    """`value` as JSON. Objects that orjson does not know become text."""
    return Response(orjson.dumps(value, default=str), status, media_type="application/json")
