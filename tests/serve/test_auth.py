"""Secrets and signatures: who is let in, and with which status the others are refused."""

from __future__ import annotations

import pytest

from pulse_cli.serve.auth import (
    Unauthorized,
    check_bearer,
    check_changedetection,
    check_firecrawl,
    signature,
)

SECRET, OTHER = "s" * 32, "o" * 32
BODY = b'{"type":"crawl.page"}'


@pytest.mark.parametrize("given", [f"Bearer {SECRET}", SECRET, f"bearer {SECRET}"])
def test_the_secret_is_taken_with_and_without_bearer(given: str) -> None:
    check_bearer({"authorization": given}, SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {OTHER}"},
        {"authorization": f"Bearer {SECRET}x"},
        {"authorization": f"Basic {SECRET}"},
        {"authorization": "Bearer \udc80"},
    ],
)
def test_any_other_is_refused_and_not_repeated(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized) as refused:
        check_bearer(headers, SECRET)
    assert refused.value.status == 401
    assert SECRET not in str(refused.value)
    assert OTHER not in str(refused.value)


def test_without_a_configured_secret_everybody_may() -> None:
    check_bearer({}, None)
    check_firecrawl({}, BODY, None)
    check_changedetection({}, BODY, None, None)


def test_a_signature_is_that_of_the_rfc() -> None:
    """RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature(b"what do ya want for nothing?", "Jefe") == f"sha256={expected}"


def test_a_signed_event_is_let_in() -> None:
    check_firecrawl({"x-firecrawl-signature": signature(BODY, SECRET)}, BODY, SECRET)
    upper = "sha256=" + signature(BODY, SECRET)[7:].upper()
    check_firecrawl({"x-firecrawl-signature": upper}, BODY, SECRET)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        ("", 401),
        ("nonsense", 400),
        ("sha256=", 400),
        ("sha256=" + "g" * 64, 400),
        ("sha256=" + "a" * 63, 400),
        (signature(BODY, SECRET)[7:], 400),
        (signature(BODY, OTHER), 401),
        (signature(BODY + b" ", SECRET), 401),
        ("sha1=" + "a" * 40, 400),
    ],
)
def test_an_event_without_a_good_signature_is_refused(given: str | None, status: int) -> None:
    headers = {} if given is None else {"x-firecrawl-signature": given}
    with pytest.raises(Unauthorized) as refused:
        check_firecrawl(headers, BODY, SECRET)
    assert refused.value.status == status


def test_changedetection_signs_or_carries_the_secret() -> None:
    check = check_changedetection
    check({"x-signature": signature(BODY, SECRET)}, BODY, SECRET, None)
    check({"x-signature": signature(BODY, SECRET)[7:]}, BODY, SECRET, None)
    check({"authorization": f"Bearer {OTHER}"}, BODY, SECRET, OTHER)
    for headers in ({}, {"x-signature": "nonsense"}, {"authorization": f"Bearer {SECRET}"}):
        with pytest.raises(Unauthorized) as refused:
            check(headers, BODY, SECRET, OTHER)
        assert refused.value.status == 401


def test_a_bearer_alone_does_not_open_what_only_signatures_may() -> None:
    with pytest.raises(Unauthorized):
        check_changedetection({"authorization": "Bearer x"}, BODY, SECRET, None)
