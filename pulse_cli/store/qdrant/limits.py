"""How large a request to one collection may be: by its strict mode, and by what was refused.

A collection in strict mode refuses requests over limits of its own with status 400. Those limits
stand in its configuration. They are read when the collection is opened, and learned from the
refusal where they were changed since. Sources: qdrant 1.18.3, `StrictModeConfig` in
`lib/segment/src/types.rs` and `lib/collection/src/operations/verification`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SETTINGS = {
    "points": "upsert_max_batchsize",
    "values": "condition_max_size",
    "results": "max_query_limit",
}
_REFUSALS = {
    "points": re.compile(r'exceeded \d+ > (\d+) for "upsert limit"'),
    "values": re.compile(r"Condition size limit reached \(\d+ > (\d+)\)"),
    "results": re.compile(r'exceeded \d+ > (\d+) for "limit"'),
}


@dataclass(slots=True)
class RequestLimits:
    """At most so many `points` in an upsert, `values` in a condition of a filter, and `results`
    of a scroll or query."""

    points: int = 256
    values: int = 512
    results: int = 10_000

    def read(self, config: Mapping[str, Any]) -> None:
        """Keep to the strict mode in the configuration of the collection."""
        strict = config.get("strict_mode_config")
        if not isinstance(strict, Mapping) or strict.get("enabled") is not True:
            return
        for name, setting in _SETTINGS.items():
            value = strict.get(setting)
            if isinstance(value, int) and value >= 1:
                setattr(self, name, min(getattr(self, name), value))

    def learn(self, name: str, refusal: str) -> bool:
        """Whether the request was over the limit `name`, which was not known, and is now."""
        match = _REFUSALS[name].search(refusal)
        if match is None or not 1 <= int(match[1]) < getattr(self, name):
            return False
        setattr(self, name, int(match[1]))
        return True
