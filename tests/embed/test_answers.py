"""Vectors in answers: exactly those that a cosine can be taken of get through."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.embed.answers import QuickNumbers, matrix, parsed
from pulse_cli.embed.http import Address, Answer
from pulse_cli.errors import Fatal, Rejected, Transient

HERE = Address.parse("http://server", None)
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


@given(st.binary(max_size=200))
def test_whatever_else_comes_is_left_to_the_slow_way(body: bytes) -> None:
    array = QUICK.matrix(body, 1)
    assert array is None or array.shape[0] == 1


@given(rows=st.integers(0, 4), count=st.integers(0, 4))
def test_the_number_of_vectors_must_be_that_of_the_texts(rows: int, count: int) -> None:
    values = [[1.0, 2.0]] * rows
    if rows == count and rows > 0:
        assert matrix(values, count, "server").shape == (rows, 2)
        return
    with pytest.raises(Rejected):
        matrix(values, count, "server")


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_a_transient_error(body: bytes) -> None:
    with contextlib.suppress(Transient):
        parsed(Answer(200, {}, body, HERE))


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_deep_nesting_is_an_error_like_any_other(body: bytes) -> None:
    with pytest.raises(Transient):
        parsed(Answer(200, {}, body, HERE))


def test_user_info_and_query_of_an_address_are_used_and_never_shown() -> None:
    address = Address.parse("https://user:p%40ss@host:8443/base/?token=canary", None)
    assert address.headers()["authorization"] == "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert str(address.url("/embed")) == "https://host:8443/base/embed?token=canary"
    shown = repr(address) + str(address) + address.shown
    assert "canary" not in shown
    assert "p@ss" not in shown
    assert "user" not in shown


def test_a_key_wins_over_user_info() -> None:
    address = Address.parse("http://user:pass@host", " key\n")
    assert address.headers()["authorization"] == "Bearer key"


@pytest.mark.parametrize(
    "url", ["", "host:80", "ftp://host", "http://", "http://[::1", "http://h:x", "http://a..b"]
)
def test_what_is_no_address_is_fatal(url: str) -> None:
    with pytest.raises(Fatal) as error:
        Address.parse(url, None)
    assert error.value.hint


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_no_header_can_hold_is_fatal_and_not_shown(key: str) -> None:
    with pytest.raises(Fatal) as error:
        Address.parse("http://host", key)
    assert key not in str(error.value) + error.value.hint


def test_an_ipv6_address_keeps_its_brackets() -> None:
    assert str(Address.parse("http://[::1]:80", None).url("/x")) == "http://[::1]:80/x"
