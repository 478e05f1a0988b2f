"""Addresses of services: what is sent as credentials, and that none of it is ever shown."""

from __future__ import annotations

import base64

import pytest

from pulse_cli.errors import Fatal, Kind
from pulse_cli.net.address import Address, Peer

BEARER = Peer("the service", "service.url", "service.api_key")
OWN_HEADER = Peer("the service", "service.url", "service.api_key", "api-key", "")


def test_user_info_and_query_of_an_address_are_used_and_never_shown() -> None:
    address = Address.parse("https://user:p%40ss@host:8443/base/?token=canary", BEARER)
    assert address.headers["authorization"] == "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert address.url("/embed") == "https://host:8443/base/embed?token=canary"
    assert address.url("/embed?wait=true") == "https://host:8443/base/embed?wait=true&token=canary"
    assert address.shown == "the service at https://host:8443/base"
    shown = repr(address) + str(address) + address.shown
    assert "canary" not in shown
    assert "p@ss" not in shown
    assert "user" not in shown


def test_a_key_wins_over_user_info_where_both_need_one_header() -> None:
    url = "http://user:pass@host"
    assert Address.parse(url, BEARER, " key\n").headers == {"authorization": "Bearer key"}
    basic = "Basic " + base64.b64encode(b"user:pass").decode()
    both = Address.parse(url, OWN_HEADER, "key").headers
    assert both == {"authorization": basic, "api-key": "key"}


def test_credentials_that_a_server_repeats_are_censored() -> None:
    address = Address.parse("http://user:pass@host", OWN_HEADER, "k3y")
    encoded = base64.b64encode(b"user:pass").decode()
    assert address.censored(f"k3y, pass, {encoded}") == "***, ***, ***"


@pytest.mark.parametrize(
    "url",
    [
        *("", "host:80", "ftp://host", "http://", "http://[::1", "http://h:x", "http://a..b"),
        *("http://h:0", "http://h:99999"),
    ],
)
def test_what_is_no_address_is_wrong_usage_and_says_what_to_write(url: str) -> None:
    with pytest.raises(Fatal) as error:
        Address.parse(url, BEARER)
    assert error.value.kind is Kind.USAGE
    assert "service.url" in error.value.hint


@pytest.mark.parametrize("key", ["two\nlines", "schl\u00fcssel"])
def test_a_key_that_no_header_can_hold_is_fatal_and_not_shown(key: str) -> None:
    with pytest.raises(Fatal) as error:
        Address.parse("http://host", BEARER, key)
    assert key not in str(error.value) + error.value.hint
    assert "service.api_key" in error.value.hint


def test_an_ipv6_address_keeps_its_brackets() -> None:
    assert Address.parse("http://[::1]:80", BEARER).url("/x") == "http://[::1]:80/x"
