"""What each answer of a Qdrant server must hold; nothing else of it gets past here.

A reader takes the `result` of an answer of success and gives typed values. It raises WrongForm,
which says what was expected, where a member is missing or of another type. Payloads are given as
they are: other tools may have written them, so who reads a field looks at its type.
References: https://api.qdrant.tech (Collections, Points, Search, Aliases).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulse_cli.model import Hit
from pulse_cli.store.filters import SPARSE

MOST_DIMENSIONS = 65_536  # that Qdrant takes


class WrongForm(Exception):
    """The answer is not what was asked for; `str()` names what was."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What matters of the description of a collection.

    `vectors` are the dense ones by name (an unnamed one as ""), each with its size and distance;
    `sparse` the modifier of each sparse one. `config` is the server's own description.
    """

    vectors: Mapping[str, tuple[int, str]]
    sparse: Mapping[str, str | None]
    edges: int | None
    indexed: frozenset[str]
    status: str
    points: int
    config: Mapping[str, Any]


def success(result: Any) -> bool:
    """What the server says of a change of collections or aliases."""
    return result is True


def queried(result: Any) -> list[Hit]:
    """The points that a query found, best first."""
    return [
        Hit(str(_id(one)), _score(one), payload_of(one))
        for one in _members(result, "points", "the points found")
    ]


def terms(result: Any) -> list[set[int]]:
    """The BM25 terms of each point found, none of one that has no such vector."""
    found = []
    for one in _members(result, "points", "the points found"):
        vector = one.get("vector")
        weights = sparse_weights(vector.get(SPARSE) if isinstance(vector, dict) else None)
        found.append(set(weights["indices"]) if weights else set())
    return found


def scrolled(result: Any) -> tuple[list[dict[str, Any]], str | int | None]:
    """A batch of points, and the id at which the next one begins."""
    points = _members(result, "points", "a batch of points")
    for one in points:
        _id(one)
        payload_of(one)
    following = result.get("next_page_offset")
    if following is not None and not _is_id(following):
        raise WrongForm("the place of the next batch")
    return points, following


def retrieved(result: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The id and payload of each point that there is."""
    return [(str(_id(one)), payload_of(one)) for one in _records(result, "points")]


def faceted(result: Any) -> dict[str | int | bool, int]:
    """The values of a field with their counts."""
    hits = _members(result, "hits", "values with their counts")
    if not all(
        isinstance(one.get("value"), str | int) and _is_count(one.get("count")) for one in hits
    ):
        raise WrongForm("values with their counts")
    return {one["value"]: one["count"] for one in hits}


def counted(result: Any) -> int:
    found = result.get("count") if isinstance(result, dict) else None
    if not _is_count(found):
        raise WrongForm("a number of points")
    assert isinstance(found, int)
    return found


def write_status(result: Any) -> str:
    """Of a write: `completed`, or why it is not."""
    status = result.get("status") if isinstance(result, dict) else None
    return status if isinstance(status, str) else "no status"


def version(result: Any) -> str:
    """The version of the server; "" where it tells none."""
    found = result.get("version") if isinstance(result, dict) else None
    return found if isinstance(found, str) else ""


def collection_names(result: Any) -> list[str]:
    listed = _members(result, "collections", "a list of collections")
    return sorted(_text(one, "name", "the name of a collection") for one in listed)


def alias_names(result: Any) -> dict[str, str]:
    """The collection that each alias means."""
    what = "a list of aliases"
    return {
        _text(one, "alias_name", what): _text(one, "collection_name", what)
        for one in _members(result, "aliases", what)
    }


def collection_bytes(result: Any, collection: str) -> int | None:
    """Vectors and payloads of the shards of a collection on this node, from telemetry."""
    kinds = result.get("collections") if isinstance(result, dict) else None
    listed = kinds.get("collections") if isinstance(kinds, dict) else None
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("id") == collection:
            shards = one.get("shards")
            return sum(map(_shard_bytes, shards if isinstance(shards, list) else ()))
    return None


def schema(result: Any) -> Schema:
    """The description of a collection."""
    what = "the description of a collection"
    config = _object(result, "config", what)
    params = _object(config, "params", what)
    dense = _optional(params, "vectors", what)
    named = {"": dense} if "size" in dense else dense
    graph, fields = (
        _optional(config, "hnsw_config", what),
        _optional(result, "payload_schema", what),
    )
    edges, points, status = graph.get("m"), result.get("points_count"), result.get("status")
    return Schema(
        vectors={name: _vector(one, what) for name, one in named.items()},
        sparse={
            name: _modifier(one, what)
            for name, one in _optional(params, "sparse_vectors", what).items()
        },
        edges=edges if _is_count(edges) else None,
        indexed=frozenset(fields),
        status=status if isinstance(status, str) else "",
        points=points if isinstance(points, int) and points > 0 else 0,
        config=config,
    )


def payload_of(point: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload of a point; empty where it has none."""
    found = point.get("payload")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise WrongForm("points with their payload")
    return found


def sparse_weights(value: Any) -> dict[str, list[Any]] | None:
    """The indices and values of a sparse vector."""
    if value is None:
        return None
    indices, values = (
        value.get(name) if isinstance(value, dict) else None for name in ("indices", "values")
    )
    if not isinstance(indices, list) or not isinstance(values, list):
        raise WrongForm("points with their BM25 weights")
    whole = all(map(_is_count, indices)) and all(map(is_number, values))
    if not whole or len(indices) != len(values):
        raise WrongForm("points with their BM25 weights")
    return {"indices": indices, "values": values}


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def _vector(found: Any, what: str) -> tuple[int, str]:
    size = found.get("size") if isinstance(found, dict) else None
    if type(size) is not int or not 1 <= size <= MOST_DIMENSIONS:
        raise WrongForm(what)
    return size, str(found.get("distance"))


def _modifier(found: Any, what: str) -> str | None:
    if not isinstance(found, dict):
        raise WrongForm(what)
    modifier = found.get("modifier")
    return modifier if isinstance(modifier, str) else None


def _shard_bytes(shard: Any) -> int:
    local = shard.get("local") if isinstance(shard, dict) else None
    if not isinstance(local, dict):
        return 0
    sizes = (local.get("vectors_size_bytes"), local.get("payloads_size_bytes"))
    return sum(size for size in sizes if isinstance(size, int))


def _members(result: Any, name: str, what: str) -> list[dict[str, Any]]:
    return _records(result.get(name) if isinstance(result, dict) else None, what)


def _records(value: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise WrongForm(what)
    return value


def _object(value: Any, name: str, what: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise WrongForm(what)
    return found


def _optional(value: dict[str, Any], name: str, what: str) -> dict[str, Any]:
    """A member that may be missing or null, then as an empty object."""
    return _object(value, name, what) if value.get(name) is not None else {}


def _text(value: dict[str, Any], name: str, what: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise WrongForm(what)
    return found


def _id(point: dict[str, Any]) -> str | int:
    found = point.get("id")
    if not _is_id(found):
        raise WrongForm("points with their ids")
    assert isinstance(found, str | int)
    return found


def _is_id(value: Any) -> bool:
    return type(value) in (str, int)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _score(point: dict[str, Any]) -> float:
    found = point.get("score")
    if not is_number(found):
        raise WrongForm("points with their scores")
    assert found is not None
    return float(found)
