"""Where a simulated Qdrant server keeps the points of a collection.

`ShardPoints` is the real engine on a folder: searches mean something and what was answered
survives a kill. `MemoryPoints` keeps ids and payloads (without the text) and drops vectors,
for benchmarks in which the server must cost next to nothing; it finds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pulse_cli.payload import KEY
from pulse_cli.simulators.qdrant_bodies import Space, is_document

Selector = bool | list[str]


def weighed(document: Mapping[str, Any], *, query: bool = False) -> Any:
    """The sparse vector that the server's own BM25 makes of a text.

    A language that the server does not know has neither stemming nor stop words.
    """
    from pulse_cli.store import bm25
    from pulse_cli.store.page_languages import LANGUAGES

    defaults = {"language": "english", "k": 1.2, "b": 0.75, "avg_len": 256.0}
    options = {**defaults, **(document.get("options") or {})}
    if options["language"] not in LANGUAGES:
        options["language"] = "none"
    return (bm25.asked if query else bm25.weighed)(document["text"], options)


class Points(Protocol):
    """Blocking. Filters, ids and selectors are checked already."""

    def upsert(self, points: list[dict[str, Any]]) -> None: ...
    def delete(self, ids: Sequence[Any] | None, where: Any) -> None: ...
    def set_payload(
        self, payload: Mapping[str, Any], ids: Sequence[Any] | None, where: Any
    ) -> None:
        """Raises KeyError with a text where one of `ids` is missing."""
        ...

    def retrieve(self, ids: Sequence[Any], payload: Selector, vector: Selector) -> list[Any]: ...
    def scroll(
        self, where: Any, limit: int, offset: Any, payload: Selector, vector: Selector
    ) -> tuple[list[Any], Any]: ...
    def query(
        self,
        target: Any,
        using: str,
        where: Any,
        limit: int,
        payload: Selector,
        offset: int,
        vector: Selector,
    ) -> list[Any]: ...
    def count(self, where: Any = None) -> int: ...
    def facet(self, field: str, limit: int, where: Any) -> list[tuple[Any, int]]: ...
    def create_index(self, field: str, kind: str, *, prefix: bool) -> None: ...
    def add_sparse(self, name: str) -> None: ...
    def close(self) -> None: ...


class ShardPoints:
    """An Edge shard; `folder` does not exist yet or holds one."""

    def __init__(self, folder: Path, space: Space) -> None:
        import qdrant_edge  # only a server with a real engine needs it

        from pulse_cli.store.edge.shard import Shard

        self._edge = qdrant_edge
        if folder.exists():
            self._shard = Shard.load(folder)
        else:
            self._shard = Shard.create(folder, space.dense, list(space.sparse))

    def upsert(self, points: list[dict[str, Any]]) -> None:
        self._shard.upsert(
            [
                self._edge.Point(
                    point["id"],
                    {name: self._vector(value) for name, value in point["vector"].items()},
                    point["payload"],
                )
                for point in points
            ]
        )

    def _vector(self, value: Any) -> Any:
        if is_document(value):
            return weighed(value)
        if isinstance(value, dict):
            return self._edge.SparseVector(value["indices"], value["values"])
        return value

    def delete(self, ids: Sequence[Any] | None, where: Any) -> None:
        if ids is None:
            self._shard.delete(where)
        else:
            self._shard.delete_ids(ids)

    def set_payload(
        self, payload: Mapping[str, Any], ids: Sequence[Any] | None, where: Any
    ) -> None:
        if ids is None:
            self._shard.set_payload(payload, where)
            return
        try:
            self._shard.set_payload_ids(payload, ids)
        except Exception as error:
            if "No point with id" in str(error):
                raise KeyError(str(error)) from error
            raise

    def retrieve(self, ids: Sequence[Any], payload: Selector, vector: Selector) -> list[Any]:
        return self._shard.retrieve(ids, payload, vector)

    def scroll(
        self, where: Any, limit: int, offset: Any, payload: Selector, vector: Selector
    ) -> tuple[list[Any], Any]:
        return self._shard.scroll(where, limit, offset, payload, vector)

    def query(
        self,
        target: Any,
        using: str,
        where: Any,
        limit: int,
        payload: Selector,
        offset: int,
        vector: Selector,
    ) -> list[Any]:
        if is_document(target):
            target = weighed(target, query=True)
        return self._shard.query(target, using, where, limit, payload, offset, vector)

    def count(self, where: Any = None) -> int:
        return self._shard.count(where)

    def facet(self, field: str, limit: int, where: Any) -> list[tuple[Any, int]]:
        return self._shard.facet(field, limit, where)

    def create_index(self, field: str, kind: str, *, prefix: bool) -> None:
        self._shard.create_index(field, kind, prefix=prefix)

    def add_sparse(self, name: str) -> None:
        self._shard.add_sparse(name)

    def close(self) -> None:
        self._shard.close()


class MemoryPoints:
    """Ids and payloads, in the order of their ids only where that is asked for."""

    def __init__(self) -> None:
        self._payloads: dict[Any, dict[str, Any]] = {}
        self._pages: dict[Any, set[Any]] = {}

    def upsert(self, points: list[dict[str, Any]]) -> None:
        for point in points:
            payload = {k: v for k, v in point["payload"].items() if k != "text"}
            self._forget(point["id"])
            self._payloads[point["id"]] = payload
            self._pages.setdefault(payload.get(KEY), set()).add(point["id"])

    def _forget(self, point_id: Any) -> None:
        old = self._payloads.pop(point_id, None)
        if old is not None:
            page = self._pages[old.get(KEY)]
            page.discard(point_id)
            if not page:
                del self._pages[old.get(KEY)]

    def _candidates(self, where: Any) -> Iterable[Any]:
        """Ids that may match: all, or those of the pages or ids that the filter names."""
        for condition in (where or {}).get("must") or []:
            if "has_id" in condition:
                return list(condition["has_id"])
            match = condition.get("match", {}) if condition.get("key") == KEY else {}
            if "any" in match or "value" in match:
                pages = match.get("any") or [match["value"]]
                return [i for url in pages for i in self._pages.get(url, ())]
        return self._payloads

    def _matching(self, where: Any) -> list[Any]:
        excluded = _ids_excluded(where)
        return [
            i
            for i in self._candidates(where)
            if i in self._payloads and i not in excluded and _matches(i, self._payloads[i], where)
        ]

    def delete(self, ids: Sequence[Any] | None, where: Any) -> None:
        for point_id in self._matching(where) if ids is None else ids:
            self._forget(point_id)

    def set_payload(
        self, payload: Mapping[str, Any], ids: Sequence[Any] | None, where: Any
    ) -> None:
        for point_id in self._matching(where) if ids is None else ids:
            if point_id not in self._payloads:
                raise KeyError(f"No point with id {point_id}")
            self._payloads[point_id].update(payload)

    def retrieve(self, ids: Sequence[Any], payload: Selector, _: Selector) -> list[Any]:
        return [self._record(i, payload) for i in ids if i in self._payloads]

    def _record(self, point_id: Any, payload: Selector) -> dict[str, Any]:
        found: dict[str, Any] = {"id": point_id, "payload": None}
        if payload is True:
            found["payload"] = self._payloads[point_id]
        elif payload:
            whole = self._payloads[point_id]
            found["payload"] = {name: whole[name] for name in payload if name in whole}
        return found

    def scroll(
        self, where: Any, limit: int, offset: Any, payload: Selector, _: Selector
    ) -> tuple[list[Any], Any]:
        ids = sorted(self._matching(where), key=_order)
        if offset is not None:
            ids = [i for i in ids if _order(i) >= _order(offset)]
        following = ids[limit] if len(ids) > limit else None
        return [self._record(i, payload) for i in ids[:limit]], following

    def query(self, *_: Any) -> list[Any]:
        return []

    def count(self, where: Any = None) -> int:
        return len(self._payloads) if where is None else len(self._matching(where))

    def facet(self, field: str, limit: int, where: Any) -> list[tuple[Any, int]]:
        values = (self._payloads[i].get(field) for i in self._matching(where))
        return Counter(value for value in values if value is not None).most_common(limit)

    def create_index(self, field: str, kind: str, *, prefix: bool) -> None: ...
    def add_sparse(self, name: str) -> None: ...
    def close(self) -> None: ...


def _order(point_id: Any) -> tuple[bool, Any]:
    return isinstance(point_id, str), point_id


def _ids_excluded(where: Any) -> set[Any]:
    return {
        point_id
        for condition in (where or {}).get("must_not") or []
        for point_id in condition.get("has_id", ())
    }


def _matches(point_id: Any, payload: Mapping[str, Any], where: Any) -> bool:
    spec = where or {}
    should = spec.get("should") or []
    return (
        all(_holds(point_id, payload, item) for item in spec.get("must") or [])
        and not any(_holds(point_id, payload, item) for item in spec.get("must_not") or [])
        and (not should or any(_holds(point_id, payload, item) for item in should))
    )


def _holds(point_id: Any, payload: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    if "has_id" in condition:
        return point_id in condition["has_id"]
    if "key" not in condition:
        return _matches(point_id, payload, condition)
    value = payload.get(condition["key"])
    ((kind, wanted),) = condition["match"].items()
    if kind == "prefix":
        return isinstance(value, str) and value.startswith(wanted)
    if kind == "value":
        return bool(value == wanted and type(value) is type(wanted))
    among: bool = value in wanted
    return among is (kind == "any")
