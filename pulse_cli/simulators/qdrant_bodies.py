"""What a Qdrant server accepts: request bodies checked as strictly as the real one does.

Texts and statuses follow qdrant 1.19 (`src/actix/helpers.rs`, `lib/api`): 400 for what is no
request, 422 for one that breaks a rule, 404 for what is not there.
"""

from __future__ import annotations

import uuid
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

MAX_BODY_BYTES = 32 << 20
BM25_MODELS = frozenset({"qdrant/bm25", "bm25"})
DISTANCES = frozenset({"Cosine", "Dot", "Euclid", "Manhattan"})
_DELETABLE = {"points", "filter"}


class Refused(Exception):
    """Answered with `status` and an error text."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = dict(headers or {})


def malformed(detail: object) -> Refused:
    return Refused(400, f"Format error in JSON body: {detail}")


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of a collection: `dense` name to (size, distance), `sparse` names."""

    dense: Mapping[str, tuple[int, str]]
    sparse: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_json(body: bytes, content_type: str) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise Refused(
            400,
            f"JSON payload ({len(body)} bytes) is larger than allowed "
            f"(limit: {MAX_BODY_BYTES} bytes).",
        )
    if not content_type.startswith("application/json"):
        raise Refused(415, "Content type error")
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise malformed(error) from error
    if not isinstance(found, dict):
        raise malformed("invalid type, expected a map")
    return found


def only(body: Mapping[str, Any], *allowed: str) -> None:
    """Raises Refused for a field the real server would not know either."""
    if unknown := set(body) - set(allowed):
        raise malformed(f"unknown field `{min(unknown)}`")


def read_id(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64:
        return value
    if isinstance(value, str):
        try:
            return str(uuid.UUID(value))
        except ValueError:
            pass
    raise malformed(
        f"value {value} is not a valid point ID, "
        "valid values are either an unsigned integer or a UUID"
    )


def read_ids(values: Any) -> list[int | str]:
    if not isinstance(values, list):
        raise malformed("invalid type, expected a sequence of point ids")
    return [read_id(value) for value in values]


def read_space(body: Mapping[str, Any]) -> Space:
    """`vectors` and `sparse_vectors` of a request that creates a collection."""
    vectors = body.get("vectors") or {}
    named = {"": vectors} if "size" in vectors else vectors
    dense = {}
    for name, params in named.items():
        size, distance = params.get("size"), params.get("distance")
        if distance not in DISTANCES:
            raise malformed(f"unknown variant `{distance}`")
        if not isinstance(size, int) or not 1 <= size <= 65536:
            raise Refused(422, f"Validation error in JSON body: [vectors.size: value {size}]")
        dense[name] = (size, distance)
    return Space(dense, body.get("sparse_vectors") or {})


def read_points(body: Mapping[str, Any], space: Space) -> list[dict[str, Any]]:
    """Points with normal ids and vectors as name to list or sparse map."""
    only(body, "points", "shard_key", "update_filter", "update_mode")
    points = body.get("points")
    if not isinstance(points, list):
        raise malformed("missing field `points`")
    if not points:
        raise Refused(400, "Wrong input: Empty update request")
    return [_read_point(point, space) for point in points]


def _read_point(point: Any, space: Space) -> dict[str, Any]:
    if not isinstance(point, dict) or "id" not in point or "vector" not in point:
        raise malformed("missing field `id` or `vector`")
    payload = point.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise malformed("invalid payload, expected a map")
    vector = point["vector"]
    named = vector if isinstance(vector, dict) else {"": vector}
    for name, value in named.items():
        check_vector(name, value, space)
    return {"id": read_id(point["id"]), "vector": named, "payload": payload or {}}


def check_vector(name: str, value: Any, space: Space) -> None:
    if name in space.dense and isinstance(value, list):
        expected = space.dense[name][0]
        try:
            length = len(array("f", value))
        except TypeError as error:
            raise malformed(f"data did not match any variant of VectorStruct: {error}") from error
        if length != expected:
            raise wrong_dimension(expected, length)
    elif name in space.sparse and is_document(value):
        check_document(value)
    elif name in space.sparse and isinstance(value, dict):
        _check_sparse(value)
    else:
        raise wrong_name(name)


def is_document(value: Any) -> bool:
    """Whether it is a text that a model is to make a vector of."""
    return isinstance(value, dict) and "text" in value


def check_document(value: Mapping[str, Any]) -> None:
    """Raises Refused for another model than BM25, which alone the server runs by itself."""
    if not isinstance(value["text"], str) or not isinstance(value.get("model"), str):
        raise malformed("data did not match any variant of untagged enum Vector")
    if value["model"].lower() not in BM25_MODELS:
        problem = "InferenceService URL not configured - please provide valid address in config"
        raise Refused(500, f"Service internal error: {problem}")


def wrong_dimension(expected: int, length: int) -> Refused:
    text = f"Vector dimension error: expected dim: {expected}, got {length}"
    return Refused(400, f"Wrong input: {text}")


def wrong_name(name: str) -> Refused:
    return Refused(400, f"Wrong input: Not existing vector name error: {name}")


def _check_sparse(value: Mapping[str, Any]) -> None:
    indices, values = value.get("indices"), value.get("values")
    if not isinstance(indices, list) or not isinstance(values, list):
        raise malformed("data did not match any variant of untagged enum Vector")
    try:
        array("I", indices)
        array("f", values)
    except (TypeError, OverflowError) as error:
        raise malformed(error) from error
    if len(indices) != len(values):
        problem = "must be the same length as indices"
    elif len(set(indices)) != len(indices):
        problem = "must be unique"
    else:
        return
    raise Refused(422, f"Validation error in JSON body: [sparse vector: {problem}]")


def read_selector(value: Any, *, default: bool) -> bool | list[str]:
    """`with_payload` or `with_vector`: all, none, or the fields named."""
    if value is None:
        return default
    if isinstance(value, dict) and set(value) == {"include"}:
        value = value["include"]
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value or False
    raise malformed("data did not match any variant of WithPayloadInterface")


def read_target(body: Mapping[str, Any], *extra: str) -> tuple[list[int | str] | None, Any]:
    """Which points a write is for: ids, else a filter."""
    only(body, *_DELETABLE, "shard_key", *extra)
    if body.get("points") is not None:
        return read_ids(body["points"]), None
    if body.get("filter") is not None:
        return None, check_filter(body["filter"])
    raise Refused(422, "Validation error in JSON body: [either list of point ids or filter]")


def check_filter(spec: Any, *, prefix: bool = True) -> Any:
    """The filter itself. Raises Refused where a clause or match is not known."""
    if spec is None:
        return None
    if not isinstance(spec, dict):
        raise malformed("invalid type, expected a filter")
    only(spec, "must", "should", "must_not", "min_should")
    for clause in spec.values():
        for item in clause if isinstance(clause, list) else [clause]:
            _check_condition(item, prefix=prefix)
    return spec


def _check_condition(spec: Any, *, prefix: bool) -> None:
    if not isinstance(spec, dict):
        raise malformed("data did not match any variant of untagged enum Condition")
    if "has_id" in spec:
        read_ids(spec["has_id"])
    elif "match" in spec and isinstance(spec.get("key"), str):
        kinds = {"value", "any", "except"} | ({"prefix"} if prefix else set())
        match = spec["match"]
        if not isinstance(match, dict) or len(match) != 1 or not set(match) <= kinds:
            raise malformed("data did not match any variant of untagged enum Match")
    elif set(spec) & {"must", "should", "must_not"}:
        check_filter(spec, prefix=prefix)
    elif not set(spec) <= {"is_null", "is_empty"}:
        raise malformed("data did not match any variant of untagged enum Condition")
