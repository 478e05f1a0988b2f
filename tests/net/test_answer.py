"""What is read from an answer: JSON, words for people, and how long to wait."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.errors import Malformed
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.answer import Answer

SERVICE = Peer("the service", "service.url", "service.api_key")
HERE = Address.parse("http://host", SERVICE, "canary")


def answer(body: bytes = b"", retry_after: str | None = None) -> Answer:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return Answer(200, headers, body, HERE)


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        answer(body).json()
    assert "\n" not in answer(body).described()


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_deep_nesting_is_an_error_like_any_other(body: bytes) -> None:
    with pytest.raises(Malformed):
        answer(body).json()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "nothing"),
        (b" \n", "nothing"),
        (b"<!doctype html>\n<html><title>Sign in &ndash;\n Wiki</title>", "Sign in &ndash; Wiki"),
        (b"<html><body>", "a web page"),
        (b"404 page\r\nnot found", "404 page not found"),
        (b"Bearer canary", "Bearer ***"),
        (b"<title>canary</title>", "a web page (***)"),
        (b"x" * 5_000, "x" * 298),
    ],
)
def test_a_body_is_described_in_a_line_without_credentials(body: bytes, words: str) -> None:
    described = answer(body).described()
    assert words in described
    assert len(described) <= 300


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("86400", 60.0), ("inf", 60.0), ("9" * 400, 60.0)),
        *(("soon", None), ("", None), ("nan", None), (None, None)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
        (f"Mon, 01 Jan {'9' * 40} 00:00:00 GMT", None),
        ("Mon, 99 Jan 2024 00:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_retry_after_is_seconds_within_reason_or_nothing(
    value: str | None, seconds: float | None
) -> None:
    assert answer(retry_after=value).retry_after == seconds


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_no_retry_after_breaks_anything(value: str) -> None:
    found = answer(retry_after=value).retry_after
    assert found is None or 0 <= found <= 60


def test_retry_after_may_be_a_date() -> None:
    now = datetime.now(UTC)
    soon = answer(retry_after=format_datetime(now + timedelta(seconds=30))).retry_after
    assert soon is not None
    assert 25 <= soon <= 30
    past = answer(retry_after=format_datetime(now - timedelta(hours=1))).retry_after
    assert past == 0
    elsewhere = now.astimezone(timezone(timedelta(hours=5))) + timedelta(days=1)
    assert answer(retry_after=format_datetime(elsewhere)).retry_after == 60
