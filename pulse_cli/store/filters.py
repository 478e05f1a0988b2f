"""Filters and selectors in the words of Qdrant's REST API.

The embedded store speaks the same words to its own process, so a filter means the same on
both. Reference: https://api.qdrant.tech (Filter, Match, HasIdCondition).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Filter

SPARSE = "bm25"
KEY = "canonical_url"
INDEXED_FIELDS = (KEY, "domain", "language")
_FORBIDDEN = frozenset('/\\?#%<>:"|*\0')


def condition(where: Filter, *, prefix: bool = True) -> dict[str, Any] | None:
    """The REST filter of `where`, None if all points match.

    Without `prefix` the URL prefix is left out: the server cannot match it (< 1.19).
    """
    must: list[dict[str, Any]] = [
        {"key": key, "match": {"value": value}} for key, value in where.equals.items()
    ]
    if prefix and where.url_prefix:
        must.append({"key": KEY, "match": {"prefix": where.url_prefix}})
    if where.ids is not None:
        must.append({"has_id": list(where.ids)})
    return {"must": must} if must else None


def stale(keys: Sequence[str], keep: Sequence[str]) -> dict[str, Any]:
    """Points of the pages `keys` that are not among the ids `keep`."""
    found: dict[str, Any] = {"must": [{"key": KEY, "match": {"any": list(keys)}}]}
    if keep:
        found["must_not"] = [{"has_id": list(keep)}]
    return found


def among(ids: Sequence[str]) -> dict[str, Any]:
    """Points with these ids. Unlike a list of ids, a filter is not upset by one that is gone."""
    return {"must": [{"has_id": list(ids)}]}


def fields(names: Sequence[str]) -> bool | list[str]:
    """Payload selector for these fields."""
    return list(names) if names else False


def check_name(collection: str) -> str:
    """The name of a collection, if it is one: it becomes a part of a path and of a URL."""
    control = any(ord(character) < 32 for character in collection)
    if not 0 < len(collection.encode()) <= 255 or control or _FORBIDDEN & set(collection):
        problem = 'must have 1 to 255 bytes and none of / \\ ? # % < > : " | *'
    elif collection.startswith("."):
        problem = "must not begin with a dot"
    else:
        return collection
    raise Fatal(
        f"collection name {collection!r} {problem}",
        hint="choose another with --collection",
        kind=Kind.USAGE,
    )
