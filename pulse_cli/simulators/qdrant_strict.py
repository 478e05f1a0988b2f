"""Strict mode of a simulated collection: requests over its limits are refused as Qdrant does.

Source: qdrant 1.18.3, `lib/collection/src/operations/verification`. Checked are the sizes of
upserts, filters and results, and filters on fields without a payload index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulse_cli.simulators.qdrant_bodies import Refused

_RETRIEVES = frozenset({"scroll", "query", "count", "facet"})


def check_strict(
    kind: str, body: Mapping[str, Any], config: Mapping[str, Any], indexed: Mapping[str, Any]
) -> None:
    """Raises Refused (400) where the request of this kind is over a limit of `config`."""
    if config.get("enabled") is not True:
        return
    if kind == "upsert":
        _limit("upsert limit", len(body.get("points") or ()), config.get("upsert_max_batchsize"))
    if kind in ("scroll", "query", "facet"):
        _limit("limit", body.get("limit", 10), config.get("max_query_limit"))
    conditions = list(_conditions(body.get("filter")))
    if conditions:
        _check_filter(conditions, config)
        setting = "retrieve" if kind in _RETRIEVES else "update"
        if config.get(f"unindexed_filtering_{setting}") is False:
            _check_indexes(conditions, indexed)


def _check_filter(conditions: list[Mapping[str, Any]], config: Mapping[str, Any]) -> None:
    most, largest = config.get("filter_max_conditions"), config.get("condition_max_size")
    if most is not None and len(conditions) > most:
        raise _refused(f"Filter condition limit reached ({len(conditions)} > {most})")
    size = max(map(_size, conditions))
    if largest is not None and size > largest:
        raise _refused(f"Condition size limit reached ({size} > {largest})")


def _check_indexes(conditions: list[Mapping[str, Any]], indexed: Mapping[str, Any]) -> None:
    for condition in conditions:
        key = condition.get("key")
        if key is not None and key not in indexed:
            raise _refused(f'Index required but not found for "{key}"')


def _limit(name: str, value: int, most: int | None) -> None:
    if most is not None and value > most:
        raise _refused(f'Limit exceeded {value} > {most} for "{name}"')


def _conditions(where: Any) -> Iterator[Mapping[str, Any]]:
    """All conditions of a filter, those of filters in it included."""
    if not isinstance(where, Mapping):
        return
    for clause in ("must", "should", "must_not"):
        for condition in where.get(clause) or ():
            if set(condition) <= {"must", "should", "must_not"}:
                yield from _conditions(condition)
            else:
                yield condition


def _size(condition: Mapping[str, Any]) -> int:
    """The members of its list; a condition without one has none."""
    match = condition.get("match") or {}
    return len(match.get("any") or match.get("except") or condition.get("has_id") or ())


def _refused(text: str) -> Refused:
    return Refused(400, f"Bad request: {text}. Help: see the strict mode of the collection.")
