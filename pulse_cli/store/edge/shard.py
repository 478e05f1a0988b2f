"""One shard of the Qdrant engine in this process, with an interface like that of the REST API.

The engine holds the interpreter lock during every call, dies by SIGBUS on a full disk and
locks its folder, so only the process of the embedded store and the simulated server import
this module.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import qdrant_edge as edge

PointId = int | str
Selector = bool | list[str]

_DISTANCES = {
    "Cosine": edge.Distance.Cosine,
    "Dot": edge.Distance.Dot,
    "Euclid": edge.Distance.Euclid,
    "Manhattan": edge.Distance.Manhattan,
}


def edge_id(value: Any) -> Any:
    """An id as the engine takes it. Raises ValueError for what is neither uuid nor integer."""
    if isinstance(value, str):
        return str(uuid.UUID(value))
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"{value!r} is not a valid point id")


def rest_id(value: Any) -> PointId:
    return value if isinstance(value, int) else str(value)


def edge_filter(spec: Mapping[str, Any]) -> edge.Filter:
    """Translate a REST filter. Raises ValueError for a clause that is not known here."""
    unknown = set(spec) - {"must", "should", "must_not"}
    if unknown:
        raise ValueError(f"unknown filter clause {sorted(unknown)}")
    clauses: dict[str, Any] = {
        clause: [_condition(item) for item in items] for clause, items in spec.items() if items
    }
    return edge.Filter(**clauses)


def _optional(spec: Mapping[str, Any] | None) -> edge.Filter | None:
    return None if spec is None else edge_filter(spec)


def _condition(spec: Mapping[str, Any]) -> Any:
    if "has_id" in spec:
        return edge.HasIdCondition({edge_id(value) for value in spec["has_id"]})
    if "is_null" in spec:
        return edge.IsNullCondition(spec["is_null"]["key"])
    if "is_empty" in spec:
        return edge.IsEmptyCondition(spec["is_empty"]["key"])
    if "key" in spec and "match" in spec:
        return edge.FieldCondition(spec["key"], match=_match(spec["match"]))
    if set(spec) <= {"must", "should", "must_not"}:
        return edge_filter(spec)
    raise ValueError(f"unknown condition {sorted(spec)}")


def _match(spec: Mapping[str, Any]) -> Any:
    ((kind, value),) = spec.items()
    if kind == "value":
        return edge.MatchValue(_truth(value) if isinstance(value, bool) else value)
    if kind == "any":
        return edge.MatchAny(value)
    if kind == "except":
        return edge.MatchExcept(value)
    if kind == "prefix":
        return edge.MatchPrefix(value)
    raise ValueError(f"unknown match {kind!r}")


def _truth(value: bool) -> Any:
    """A bool that the binding accepts as one: it takes a plain bool for the integer 0 or 1."""
    import numpy as np  # 0.1 s, and such filters are rare

    return np.bool_(value)


class Shard:
    """Blocking. Errors of the engine pass through as plain `Exception` with its text."""

    def __init__(self, path: Path, shard: edge.EdgeShard) -> None:
        self._shard = shard
        config = orjson.loads((path / "edge_config.json").read_bytes())
        self.vectors: dict[str, dict[str, Any]] = config.get("vectors", {})
        self.sparse: dict[str, dict[str, Any]] = config.get("sparse_vectors", {})

    @classmethod
    def create(
        cls, path: Path, vectors: Mapping[str, tuple[int, str]], sparse: Sequence[str]
    ) -> Shard:
        """Create the folder completely or not at all: a crash leaves only `path` + ".new"."""
        half = path.with_name(path.name + ".new")
        if half.exists():
            shutil.rmtree(half)
        config = edge.EdgeConfig(
            vectors={
                name: edge.EdgeVectorParams(size=size, distance=_DISTANCES[distance])
                for name, (size, distance) in vectors.items()
            },
            sparse_vectors={
                name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf) for name in sparse
            },
        )
        edge.EdgeShard.create(str(half), config).close()
        half.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Shard:
        return cls(path, edge.EdgeShard.load(str(path)))

    def add_sparse(self, name: str) -> None:
        self._shard.update(edge.UpdateOperation.create_sparse_vector(name, edge.Modifier.Idf))
        self._shard.flush()
        self.sparse = {**self.sparse, name: {"modifier": "idf"}}

    def indexed(self) -> set[str]:
        return set(self._shard.info().payload_schema)

    def create_index(self, field: str, kind: str, *, prefix: bool = False) -> None:
        """`kind` is keyword, bool or integer; with `prefix` a keyword can be found by prefix."""
        schema: Any = edge.KeywordIndexParams(prefix=prefix or None)
        if kind == "bool":
            schema = edge.BoolIndexParams()
        elif kind == "integer":
            schema = edge.IntegerIndexParams(lookup=True, range=True)
        self._shard.update(edge.UpdateOperation.create_field_index(field, schema))

    def upsert(self, points: list[edge.Point]) -> None:
        self._shard.update(edge.UpdateOperation.upsert_points(points))

    def delete(self, where: Mapping[str, Any]) -> None:
        self._shard.update(edge.UpdateOperation.delete_points_by_filter(edge_filter(where)))

    def delete_ids(self, ids: Sequence[Any]) -> None:
        self._shard.update(edge.UpdateOperation.delete_points([edge_id(i) for i in ids]))

    def set_payload(self, payload: Mapping[str, Any], where: Mapping[str, Any]) -> None:
        found = edge_filter(where)
        self._shard.update(edge.UpdateOperation.set_payload_by_filter(found, dict(payload)))

    def set_payload_ids(self, payload: Mapping[str, Any], ids: Sequence[Any]) -> None:
        """Raises "No point with id ..." where one is missing, as the server does."""
        found = [edge_id(value) for value in ids]
        self._shard.update(edge.UpdateOperation.set_payload(found, dict(payload)))

    def retrieve(
        self, ids: Sequence[Any], payload: Selector, vector: Selector = False
    ) -> list[dict[str, Any]]:
        found = self._shard.retrieve([edge_id(value) for value in ids], payload, vector)
        return [_record(record) for record in found]

    def scroll(
        self,
        where: Mapping[str, Any] | None,
        limit: int,
        offset: Any,
        payload: Selector,
        vector: Selector = False,
    ) -> tuple[list[dict[str, Any]], PointId | None]:
        request = edge.ScrollRequest(
            offset=None if offset is None else edge_id(offset),
            limit=limit,
            filter=_optional(where),
            with_payload=payload,
            with_vector=vector,
        )
        records, following = self._shard.scroll(request)
        return [_record(record) for record in records], (
            None if following is None else rest_id(following)
        )

    def query(
        self,
        vector: list[float] | edge.SparseVector | Mapping[str, Any],
        using: str,
        where: Mapping[str, Any] | None,
        limit: int,
        payload: Selector,
        offset: int = 0,
        with_vector: Selector = False,
    ) -> list[dict[str, Any]]:
        """Nearest points, best first; `vector` is dense or `{"indices", "values"}`."""
        target: Any = vector
        if isinstance(vector, Mapping):
            target = edge.SparseVector(list(vector["indices"]), list(vector["values"]))
        request = edge.QueryRequest(
            limit=limit,
            offset=offset,
            query=edge.Query.Nearest(target, using=using),
            filter=_optional(where),
            with_payload=payload,
            with_vector=with_vector,
        )
        return [{**_record(hit), "score": hit.score} for hit in self._shard.query(request)]

    def count(self, where: Mapping[str, Any] | None = None) -> int:
        return int(self._shard.count(edge.CountRequest(True, _optional(where))))

    def facet(
        self, field: str, limit: int, where: Mapping[str, Any] | None
    ) -> list[tuple[str | int | bool, int]]:
        """Values of an indexed field with the number of points that have each, most first."""
        request = edge.FacetRequest(field, limit, True, _optional(where))
        return [(hit.value, hit.count) for hit in self._shard.facet(request).hits]

    def flush(self) -> None:
        self._shard.flush()

    def optimize(self) -> bool:
        return bool(self._shard.optimize())

    def close(self) -> None:
        self._shard.flush()
        self._shard.close()


def _record(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"id": rest_id(record.id), "payload": record.payload}
    if record.vector is not None:
        found["vector"] = {
            name: {"indices": value.indices, "values": value.values}
            if isinstance(value, edge.SparseVector)
            else value
            for name, value in record.vector.items()
        }
    return found
