"""What both stores share of reading whole points and of counting the values of a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_cli.errors import Rejected
from pulse_cli.model import Point, SparseVector
from pulse_cli.ports import NO_PAYLOAD_INDEX

WHOLE_BATCH = 256
MOST_VALUES = 10_000
_WITHOUT_INDEX = ("No appropriate index for faceting", "Index required but not found")


def whole_point(found: Mapping[str, Any]) -> Point:
    """A point of an answer: `id`, `payload` and `bm25` (None or indices and values)."""
    weights = found["bm25"]
    return Point(found["id"], SparseVector(**weights) if weights else "", found["payload"] or {})


def no_payload_index(error: Rejected) -> Rejected:
    """The refusal of a facet: by the reason that the port names, if an index is missing.

    In strict mode that may be the index of a field in the filter.
    """
    if not any(words in str(error) for words in _WITHOUT_INDEX):
        return error
    return Rejected(str(error), reason=NO_PAYLOAD_INDEX)
