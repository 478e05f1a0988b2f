"""Filters and selectors in the form of Qdrant's REST API.

The embedded store sends the same form to its own process, so a filter means the same in both
stores. Reference: https://api.qdrant.tech (Filter, Match).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulse_cli.model import Filter
from pulse_cli.payload import COMMITTED, KEY, VERSION

SPARSE = "bm25"


def condition(where: Filter, *, prefix: bool = True) -> dict[str, Any] | None:
    """The REST filter of `where`, None if all points match.

    Without `prefix` the URL prefix is left out: the server cannot match it (< 1.19).
    """
    must = [_equals(key, value) for key, value in where.equals.items()]
    must += [_among(key, values) for key, values in where.among.items()]
    if prefix and where.url_prefix:
        must.append({"key": KEY, "match": {"prefix": where.url_prefix}})
    if where.ids is not None:
        must.append({"has_id": list(where.ids)})
    must_not = [_equals(key, value) for key, value in where.differs.items()]
    found = {"must": must, "must_not": must_not}
    return {name: conditions for name, conditions in found.items() if conditions} or None


def both(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> dict[str, Any]:
    """The filter of the points that match both; None matches all."""
    return dict(other) if one is None else {"must": [one, other]}


def committed_records(keys: Sequence[str]) -> dict[str, Any]:
    """The commit records of these pages that say `committed`."""
    return {"must": [_among(KEY, keys), _equals(COMMITTED, True)]}


def of_pages(keys: Sequence[str]) -> dict[str, Any]:
    """All points of these pages."""
    return {"must": [_among(KEY, keys)]}


def of_versions(versions: Mapping[str, str]) -> dict[str, Any]:
    """The points of one version of each page; no two pages share a version.

    By version and not by id: a filter with all ids of a long page would exceed the limits of a
    server in strict mode, and takes twenty times as long.
    """
    return {"must": [_among(KEY, [*versions]), _among(VERSION, [*versions.values()])]}


def of_other_versions(versions: Mapping[str, str]) -> dict[str, Any]:
    """The points of these pages, except those of the given version of each."""
    kept = [_among(VERSION, [*versions.values()])]
    return {"must": [_among(KEY, [*versions])], "must_not": kept}


def fields(names: Sequence[str] | None) -> bool | list[str]:
    """Payload selector for these fields; all if it is None."""
    if names is None:
        return True
    return list(names) if names else False


def _equals(key: str, value: str | bool) -> dict[str, Any]:
    return {"key": key, "match": {"value": value}}


def _among(key: str, values: Sequence[str]) -> dict[str, Any]:
    if len(values) == 1:  # strict mode counts the members of a list only
        return _equals(key, values[0])
    return {"key": key, "match": {"any": list(values)}}
