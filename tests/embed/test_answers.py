"""Vectors in answers: exactly those that a cosine can be taken of get through."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.embed.answers import QuickNumbers, matrix
from pulse_cli.errors import Rejected

NUMBERS = st.floats(width=32) | st.integers(-(2**70), 2**70) | st.just(1e300)
QUICK = QuickNumbers()
ODD = NUMBERS | st.none() | st.just("0.5") | st.just([1.0])


def good(rows: list[list[Any]]) -> bool:
    """The rule written the long way, value by value."""
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        return False
    with np.errstate(all="ignore"):
        for row in rows:
            if not all(isinstance(x, int | float) for x in row):
                return False
            total = np.float32(0)
            for x in row:
                total += np.float32(x) * np.float32(x)
            if not np.isfinite(total) or total == 0:
                return False
    return True


@given(st.lists(st.lists(ODD, min_size=3, max_size=3) | st.lists(ODD, max_size=4), max_size=3))
def test_only_finite_vectors_of_one_length_and_not_zero_pass(rows: list[list[Any]]) -> None:
    if good(rows):
        array = matrix(rows, len(rows), "server")
        assert array.dtype == np.float32
        assert array.tolist() == np.array(rows, np.float32).tolist()
        return
    with pytest.raises(Rejected) as refused:
        matrix(rows, len(rows), "server")
    assert refused.value.reason == "bad-vector"


@given(
    st.lists(st.lists(ODD, min_size=3, max_size=3) | st.lists(ODD, max_size=4), max_size=3),
    st.integers(0, 4),
)
def test_what_is_read_quickly_is_what_the_slow_way_reads(rows: list[list[Any]], count: int) -> None:
    body = json.dumps(rows).encode()
    array = QUICK.matrix(body, count)
    if array is not None:
        assert array.dtype == np.float32
        assert array.tolist() == matrix(json.loads(body), count, "server").tolist()


@given(st.lists(st.lists(st.floats(0.5, 1, width=32), min_size=3, max_size=3), min_size=1))
def test_a_sound_answer_is_read_quickly(rows: list[list[float]]) -> None:
    pytest.importorskip("simdjson", reason="pysimdjson has no wheel for this Python")
    array = QUICK.matrix(orjson.dumps(rows), len(rows))
    assert array is not None
    assert array.tolist() == rows
