"""Of an address that holds secrets only the public part is kept, shown and compared."""

from __future__ import annotations

import pytest

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Position
from pulse_cli.read import ObjectOptions, ReadOptions, find_objects, open_source
from pulse_cli.read.objects.address import command_word, given_addresses, is_object, public_name
from tests.object_servers import Fault, FileServer

LINE = b'{"markdown": "x", "url": "https://e.org/"}\n'


@pytest.mark.parametrize(
    ("given", "public", "word"),
    [
        ("s3://bucket/a b.jsonl?x#y", "s3://bucket/a b.jsonl?x#y", "s3://bucket/a b.jsonl?x#y"),
        ("S3://bucket", "s3://bucket/", "S3://bucket"),
        ("https://e.org/a.jsonl", "https://e.org/a.jsonl", "https://e.org/a.jsonl"),
        ("https://E.org", "https://e.org/", "https://e.org/"),
        (
            "https://e.org:8443/a.jsonl?X-Amz-Signature=canary",
            "https://e.org:8443/a.jsonl",
            "https://e.org:8443/a.jsonl?***",
        ),
        ("http://u:canary@[::1]:80/a#b", "http://[::1]:80/a", "http://***@[::1]:80/a"),
        ("https://u:p@e.org/a?canary", "https://e.org/a", "https://***@e.org/a?***"),
    ],
)
def test_what_may_be_shown(given: str, public: str, word: str) -> None:
    assert is_object(given)
    assert public_name(given) == public == public_name(public)
    assert command_word(given) == word
    assert given_addresses([given]) == (
        {} if given == public or given[:2].lower() == "s3" else {public: given}
    )


@pytest.mark.parametrize(
    "given",
    [
        "s3://KEY:canary@bucket/a",
        "gs://canary@bucket/a",
        "s3://",
        "https://",
        "https://u:canary@:80/x",
        "https://e.org:canary/x",
        "https://[canary/x",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_secret(given: str) -> None:
    with pytest.raises(Fatal) as caught:
        public_name(given)
    assert caught.value.kind is Kind.USAGE
    assert "canary" not in f"{caught.value} {caught.value.hint}"


def test_a_printed_command_has_to_be_filled_in() -> None:
    for word in ("https://e.org/a?***", "https://***@e.org/a"):
        with pytest.raises(Fatal, match="a part of its address is missing"):
            given_addresses([word])


def test_two_sources_that_would_look_the_same_are_refused() -> None:
    with pytest.raises(Fatal, match="named twice"):
        given_addresses(["https://e.org/a?id=1", "https://e.org/a?id=2"])


SECRET = "https://u:canary-password@{host}/a.jsonl?X-Amz-Credential=canary-id&sig=canary-signature"


def _options(given: str) -> ReadOptions:
    return ReadOptions(
        objects=ObjectOptions(timeout=0.3, addresses=given_addresses([given])), give_up_after=0
    )


def test_password_and_query_are_sent_and_never_shown(web: FileServer) -> None:
    given = SECRET.format(host=web.url.removeprefix("http://")).replace("https", "http", 1)
    name, options = public_name(given), _options(given)
    web.files["/a.jsonl"] = LINE
    found = find_objects([name], options)
    source = open_source([name], options, objects=found)
    records = list(source.records(Position()))
    for _, path, headers in web.seen:
        assert path.endswith("sig=canary-signature")
        assert headers["authorization"].startswith("Basic ")
    assert "canary" not in repr((options, found, source.inputs, records))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 403),
        Fault("status", 404),
        Fault("status", 302, headers={"Location": "/a?sig=canary-signature"}),
        Fault("status", 500),
        Fault("status", 418),
        Fault("hang"),
        Fault("cut", size=3),
    ],
)
def test_no_error_shows_a_secret(web: FileServer, fault: Fault) -> None:
    given = SECRET.format(host=web.url.removeprefix("http://")).replace("https", "http", 1)
    name, options = public_name(given), _options(given)
    web.files["/a.jsonl"] = LINE
    found = find_objects([name], options)
    for _ in range(2):
        web.faults.extend([fault] * 3)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - every kind of error
            list(open_source([name], options, objects=found).records(Position()))
        error = caught.value
        assert "canary" not in f"{error} {error!r} {getattr(error, 'hint', '')}"
        assert error.__cause__ is None
        web.faults.clear()
