"""How large a request to one collection may be: from its strict mode, and from refusals.

A collection in strict mode refuses requests over its limits with status 400. The limits are in
its configuration and are read when the collection is opened. If they were changed since, they are
learned from the refusal. Sources: qdrant 1.18.3, `StrictModeConfig` in
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
    """The most `points` in an upsert, `values` in a condition of a filter, and `results` of a
    scroll or query."""

    points: int = 256
    values: int = 512
    results: int = 10_000

    def read(self, config: Mapping[str, Any]) -> None:
        """Take the limits of the strict mode from the configuration of the collection."""
        strict = config.get("strict_mode_config")
        if not isinstance(strict, Mapping) or strict.get("enabled") is not True:
            return
        for name, setting in _SETTINGS.items():
            value = strict.get(setting)
            if isinstance(value, int) and value >= 1:
                setattr(self, name, min(getattr(self, name), value))

    def learn(self, name: str, refusal: str) -> bool:
        """Learn the limit `name` from a refusal. Returns whether it was a new one."""
        match = _REFUSALS[name].search(refusal)
        if match is None or not 1 <= int(match[1]) < getattr(self, name):
            return False
        setattr(self, name, int(match[1]))
        return True
