"""Vectors out of a JSON answer, checked: nothing unfinished, unordered or empty gets past here.

A value is refused where it is not a number, not finite, or where the squares of a vector sum
to zero or infinity in float32, which is what the cosine distance of the store divides by.
text-embeddings-inference writes NaN as `null`, servers in Python as `NaN`, which is not JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from pulse_cli.embed.http import Answer
from pulse_cli.errors import Rejected, Transient

if TYPE_CHECKING:
    from pulse_cli.model import Floats


def parsed(answer: Answer) -> Any:
    """The JSON of an answer. Raises Transient: a server that is broken now may recover."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        pass
    try:
        # Takes NaN, Infinity and 1e400, for which the text is to blame and not the server.
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise unexpected(answer) from None


def unexpected(answer: Answer) -> Transient:
    """The error for an answer of status 200 that holds something else than vectors."""
    kind = answer.headers.get("content-type", "no content type")
    where = answer.sender.shown
    return Transient(f"{where} answered with something else than vectors ({kind}): {answer.said()}")


def matrix(rows: Sequence[Any], count: int, where: str) -> Floats:
    """`count` vectors of one length, finite and not zero, as float32 of shape (count, length).

    Raises Rejected (`bad-vector`).
    """
    if len(rows) != count:
        raise _bad(f"{where} answered {len(rows)} vectors for {count} texts")
    try:
        for row in rows:
            sum(row)  # the cheapest proof that a list holds numbers only: numpy takes "0.5"
        with np.errstate(over="ignore"):
            array: Floats = np.array(rows, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        # Ragged, or a value that is not a number.
        raise _bad(f"{where} answered with a vector that is not one") from None
    if array.ndim != 2 or array.shape[1] == 0:
        raise _bad(f"{where} answered with a vector that is not one")
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        squares = np.einsum("ij,ij->i", array, array)
    if not (np.isfinite(squares) & (squares > 0)).all():
        raise _bad(f"{where} answered with a vector that is not finite or all zero")
    return array


def _bad(message: str) -> Rejected:
    return Rejected(message, reason="bad-vector")
