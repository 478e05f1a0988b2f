"""Upserts read without their numbers, for a simulated server that keeps no vectors.

Parsing 384 numbers costs many times what keeping the point does, and the numbers are thrown
away: a benchmark would measure the simulator. So each long array of numbers is replaced by its
length before the body is parsed; lengths are checked all the same.
"""

from __future__ import annotations

from typing import Any

from pulse_cli.simulators.qdrant_bodies import (
    Refused,
    Space,
    check_document,
    is_document,
    malformed,
    only,
    read_id,
    wrong_dimension,
    wrong_name,
)

LONG = 64  # bytes; shorter arrays stay as they are
_BEGIN = b'":['
_BACKSLASH = ord("\\")


def thin(body: bytes) -> bytes:
    """`body` with every long array of plain numbers that is a value as `[length]`.

    A quote that no backslash precedes ends a key or a text, so `":[` after one is structure
    and not content; an array that holds anything but numbers is left alone.
    """
    parts: list[bytes] = []
    done = position = 0
    while (found := body.find(_BEGIN, position)) >= 0:
        start = found + len(_BEGIN)
        end = body.find(b"]", start)
        numbers = body[start:end]
        position = start
        plain = not any(sign in numbers for sign in (b'"', b"[", b"{", b"n", b"N", b"l"))
        if body[found - 1] != _BACKSLASH and len(numbers) > LONG and plain and end > 0:
            parts += (body[done:start], b"%d" % (numbers.count(b",") + 1))
            done = position = end
    parts.append(body[done:])
    return b"".join(parts)


def read_thin_points(body: dict[str, Any], space: Space) -> list[dict[str, Any]]:
    """Points of a body that went through `thin`, without their vectors."""
    only(body, "points", "shard_key", "update_filter", "update_mode")
    points = body.get("points")
    if not isinstance(points, list):
        raise malformed("missing field `points`")
    if not points:
        raise Refused(400, "Wrong input: Empty update request")
    found = []
    for point in points:
        try:
            vector = point["vector"]
            named = vector if isinstance(vector, dict) else {"": vector}
            for name, value in named.items():
                _check(name, value, space)
            found.append({"id": read_id(point["id"]), "payload": point.get("payload") or {}})
        except (KeyError, TypeError, AttributeError) as error:
            raise malformed(error) from error
    return found


def _check(name: str, value: Any, space: Space) -> None:
    if name in space.dense and isinstance(value, list):
        expected = space.dense[name][0]
        length = value[0] if len(value) == 1 else len(value)
        if length != expected or None in value:
            raise wrong_dimension(expected, length)
    elif name in space.sparse and is_document(value):
        check_document(value)
    elif name not in space.sparse or not _match(value["indices"], value["values"]):
        raise wrong_name(name)


def _match(indices: list[Any], values: list[Any]) -> bool:
    """Whether they are of one length, as far as can be told: indices are longer to write, so
    one of the two may have been shortened and the other not."""
    return len(indices) == len(values) or 1 in (len(indices), len(values))
