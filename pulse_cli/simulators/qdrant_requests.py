"""Requests about points: each is checked at once and answered by the work it returns.

`PLANS` maps method and path below the collection to a kind (for counts) and a function of
collection, body and minor server version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from pulse_cli.simulators.qdrant_bodies import (
    Refused,
    check_filter,
    check_vector,
    malformed,
    only,
    read_id,
    read_ids,
    read_points,
    read_selector,
    read_target,
)
from pulse_cli.simulators.qdrant_collection import Collection
from pulse_cli.simulators.qdrant_thin import read_thin_points

Body: TypeAlias = dict[str, Any]
Work: TypeAlias = Callable[[], Any]
MATCHES_PREFIX = 19
_ADVICE = "Please create one to facet on this field."


def _upsert(collection: Collection, body: Body, _: int) -> Work:
    read = read_points if collection.keeps_vectors else read_thin_points
    points = read(body, collection.space)
    return lambda: collection.points.upsert(points)


def _filter(body: Body, minor: int) -> Any:
    return check_filter(body.get("filter"), prefix=minor >= MATCHES_PREFIX)


def _delete(collection: Collection, body: Body, minor: int) -> Work:
    ids, where = read_target(body)
    check_filter(where, prefix=minor >= MATCHES_PREFIX)
    return lambda: collection.points.delete(ids, where)


def _set_payload(collection: Collection, body: Body, minor: int) -> Work:
    ids, where = read_target(body, "payload", "key")
    check_filter(where, prefix=minor >= MATCHES_PREFIX)
    if not isinstance(body.get("payload"), dict):
        raise malformed("missing field `payload`")

    def work() -> None:
        try:
            collection.points.set_payload(body["payload"], ids, where)
        except KeyError as error:
            raise Refused(404, f"Not found: {error.args[0]} found") from error

    return work


def _index(collection: Collection, body: Body, minor: int) -> Work:
    only(body, "field_name", "field_schema")
    schema = body.get("field_schema")
    params = {"type": schema} if isinstance(schema, str) else dict(schema or {})
    known = params.get("type") in ("keyword", "bool", "integer")
    if not known or ("prefix" in params and minor < MATCHES_PREFIX):
        raise malformed("data did not match any variant of PayloadFieldSchema")
    return lambda: collection.create_index(body["field_name"], params)


def _retrieve(collection: Collection, body: Body, _: int) -> Work:
    only(body, "ids", "with_payload", "with_vector", "shard_key")
    ids = read_ids(body.get("ids"))
    payload = read_selector(body.get("with_payload"), default=True)
    vector = read_selector(body.get("with_vector"), default=False)
    return lambda: collection.points.retrieve(ids, payload, vector)


def _scroll(collection: Collection, body: Body, minor: int) -> Work:
    only(body, "offset", "limit", "filter", "with_payload", "with_vector", "order_by")
    where, limit = _filter(body, minor), _limit(body)
    offset = None if body.get("offset") is None else read_id(body["offset"])
    payload = read_selector(body.get("with_payload"), default=True)
    vector = read_selector(body.get("with_vector"), default=False)

    def work() -> Body:
        found, following = collection.points.scroll(where, limit, offset, payload, vector)
        return {"points": found, "next_page_offset": following}

    return work


def _query(collection: Collection, body: Body, minor: int) -> Work:
    known = ("query", "using", "filter", "limit", "offset", "with_payload", "with_vector")
    only(body, *known, "params", "score_threshold")
    where, limit, using = _filter(body, minor), _limit(body), body.get("using", "")
    target = body.get("query")
    if isinstance(target, dict) and set(target) == {"nearest"}:
        target = target["nearest"]
    check_vector(using, target, collection.space)
    payload = read_selector(body.get("with_payload"), default=False)
    vector = read_selector(body.get("with_vector"), default=False)
    offset = body.get("offset") or 0

    def work() -> Body:
        found = collection.points.query(target, using, where, limit, payload, offset, vector)
        return {"points": [{"version": 0, **point} for point in found]}

    return work


def _facet(collection: Collection, body: Body, minor: int) -> Work:
    only(body, "key", "limit", "filter", "exact", "shard_key")
    where, limit, field = _filter(body, minor), _limit(body), body.get("key")
    if not isinstance(field, str):
        raise malformed("missing field `key`")
    if field not in collection.indexes:
        raise Refused(400, f"Wrong input: No appropriate index for faceting: `{field}`. {_ADVICE}")

    def work() -> Body:
        found = collection.points.facet(field, limit, where)
        return {"hits": [{"value": value, "count": count} for value, count in found]}

    return work


def _count(collection: Collection, body: Body, minor: int) -> Work:
    only(body, "filter", "exact")
    where = _filter(body, minor)
    return lambda: {"count": collection.points.count(where)}


def _limit(body: Body) -> int:
    limit = body.get("limit", 10)
    if not isinstance(limit, int) or limit < 1:
        raise Refused(422, f"Validation error in JSON body: [limit: value {limit} invalid]")
    return limit


def path_id(text: str) -> int | str:
    return read_id(int(text) if text.isdigit() else text)


def one_point(collection: Collection, point_id: int | str) -> Any:
    found = collection.points.retrieve([point_id], True, True)
    if not found:
        raise Refused(404, f"Not found: Point with id {point_id} does not exists!")
    return found[0]


PLANS: dict[tuple[str, str], tuple[str, Callable[[Collection, Body, int], Work]]] = {
    ("PUT", "points"): ("upsert", _upsert),
    ("POST", "points/delete"): ("delete", _delete),
    ("POST", "points/payload"): ("payload", _set_payload),
    ("PUT", "index"): ("index", _index),
    ("POST", "points"): ("retrieve", _retrieve),
    ("POST", "points/scroll"): ("scroll", _scroll),
    ("POST", "points/query"): ("query", _query),
    ("POST", "points/count"): ("count", _count),
    ("POST", "facet"): ("facet", _facet),
}
