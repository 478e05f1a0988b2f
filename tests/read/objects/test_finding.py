"""Which objects an address stands for, and what is said where there are none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pulse_cli.errors import Fatal, Kind, Transient
from pulse_cli.model import Document, Input, Position
from pulse_cli.read import ObjectOptions, ReadOptions, changed_inputs, find_objects, open_source
from pulse_cli.read.objects.finding import matches
from tests.object_servers import Fault, FileServer, S3Server

OPTIONS = ReadOptions(objects=ObjectOptions(timeout=5))
LINE = b'{"markdown": "x", "url": "https://e.org/"}\n'
KEYS = (
    "2026/01/a.jsonl",
    "2026/01/b.jsonl.gz",
    "2026/01/picture.png",
    "2026/02/c.jsonl.zst",
    "2026/02/.hidden.jsonl",
    "2026/readme.md",
    "2026-extra.jsonl",
    "odd/sp ace+%20é?#[1].jsonl",
    "odd/z.dead.jsonl",
)


@pytest.fixture
def bucket(s3: S3Server) -> S3Server:
    s3.make("crawls", dict.fromkeys(KEYS, LINE))
    return s3


def names(spec: str, options: ReadOptions = OPTIONS) -> list[str]:
    found = find_objects([spec], options)[spec]
    return [one.name.removeprefix("s3://crawls/") for one in found.inputs]


def notes(spec: str) -> list[str]:
    return [note.message for note in find_objects([spec], OPTIONS)[spec].notes]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("2026/01/a.jsonl", ["2026/01/a.jsonl"]),
        ("2026/01/picture.png", ["2026/01/picture.png"]),  # named itself
        ("2026", ["2026/01/a.jsonl", "2026/01/b.jsonl.gz", "2026/02/c.jsonl.zst"]),
        ("2026/", ["2026/01/a.jsonl", "2026/01/b.jsonl.gz", "2026/02/c.jsonl.zst"]),
        ("2026/*/*.jsonl*", ["2026/01/a.jsonl", "2026/01/b.jsonl.gz", "2026/02/c.jsonl.zst"]),
        (
            "2026/*",
            ["2026/01/a.jsonl", "2026/01/b.jsonl.gz", "2026/02/c.jsonl.zst", "2026/readme.md"],
        ),
        ("2026-*", ["2026-extra.jsonl"]),
        ("**/[bc].jsonl.*", ["2026/01/b.jsonl.gz", "2026/02/c.jsonl.zst"]),
        ("2026/02/.h*", ["2026/02/.hidden.jsonl"]),
        ("odd", ["odd/sp ace+%20é?#[1].jsonl"]),
        ("nothing", []),
        ("202", []),
    ],
)
def test_a_key_is_an_object_or_a_folder_or_a_pattern(
    bucket: S3Server, key: str, expected: list[str]
) -> None:
    assert names(f"s3://crawls/{key}") == expected


def test_a_bucket_is_a_folder_in_the_order_of_its_paths(bucket: S3Server) -> None:
    expected = [
        "2026/01/a.jsonl",
        "2026/01/b.jsonl.gz",
        "2026/02/c.jsonl.zst",
        "2026-extra.jsonl",
        "odd/sp ace+%20é?#[1].jsonl",
    ]
    assert names("s3://crawls") == names("s3://crawls/") == expected
    [note] = notes("s3://crawls")
    assert "1 .png" in note
    assert "1 .md (raw markdown needs --url)" in note
    assert "files of pulse itself" in note


def test_names_with_odd_characters_are_read(bucket: S3Server) -> None:
    found = find_objects(["s3://crawls/odd"], OPTIONS)
    *_, record = open_source(["s3://crawls/odd"], OPTIONS, objects=found).records(Position())
    assert isinstance(record.content, Document)


def test_the_empty_objects_of_consoles_are_folders(s3: S3Server) -> None:
    s3.make("console", {"a/": b"", "a/b/": b"", "a/b/c.jsonl": LINE})
    found = find_objects(["s3://console/a/*"], OPTIONS)["s3://console/a/*"]
    assert [one.name for one in found.inputs] == ["s3://console/a/b/c.jsonl"]
    assert found.notes == []


def test_many_objects_are_listed_whole(s3: S3Server) -> None:
    s3.make("many", {f"{n:04}.jsonl": b"" for n in range(1100)})
    assert len(names("s3://many")) == 1100


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/b", "**", True),
        ("a/b/c", "a/**/c", True),
        ("a/c", "a/**/c", True),
        ("a/.b/c", "a/**/c", False),
        ("a/b", "a/*/b", False),
        ("ab", "a?", True),
        ("A", "a", False),
    ],
)
def test_patterns_match_as_in_the_shell(path: str, pattern: str, expected: bool) -> None:
    assert matches(path.split("/"), pattern.split("/")) is expected


def _trouble(spec: str, options: ReadOptions = OPTIONS) -> Fatal:
    with pytest.raises(Fatal) as caught:
        open_source([spec], options, objects=find_objects([spec], options))
    return caught.value


def test_nothing_at_an_address_is_said(bucket: S3Server) -> None:
    error = _trouble("s3://crawls/nothing")
    assert error.kind is Kind.MISSING_SOURCE
    assert "no object at s3://crawls/nothing" in str(error)


def test_a_bucket_that_is_not_there_is_named(s3: S3Server) -> None:
    error = _trouble("s3://not-here/x.jsonl")
    assert (error.kind, "'not-here'" in str(error)) == (Kind.MISSING_SOURCE, True)
    assert "AWS_ENDPOINT_URL" in error.hint


def _xml(code: str, more: str = "") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code>{more}</Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (403, _xml("AccessDenied"), Kind.PERMISSION, "allowed to list the bucket"),
        (403, _xml("InvalidAccessKeyId"), Kind.AUTH, "check AWS_ACCESS_KEY_ID"),
        (403, _xml("SignatureDoesNotMatch"), Kind.AUTH, "check AWS_ACCESS_KEY_ID"),
        (400, _xml("ExpiredToken"), Kind.AUTH, "check AWS_ACCESS_KEY_ID"),
        (403, _xml("RequestTimeTooSkewed"), Kind.AUTH, "set the clock"),
        (301, _xml("PermanentRedirect"), Kind.REDIRECT, "set AWS_REGION to"),
        (
            400,
            _xml("AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>"),
            Kind.REDIRECT,
            "set AWS_REGION=eu-west-3",
        ),
        (404, b"<html>not found", Kind.WRONG_SERVER, "must lead to the object storage"),
        (200, b"<html>welcome", Kind.WRONG_SERVER, "must lead to the object storage"),
        (418, b"", Kind.REFUSED, ""),
    ],
)
def test_what_a_server_refuses_is_explained(
    s3: S3Server,
    web: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    kind: Kind,
    said: str,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", web.url)
    web.always = (status, body)
    error = _trouble("s3://bucket/a.jsonl")
    assert error.kind is kind
    assert said in error.hint
    assert "bucket" in str(error) or web.url in str(error)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_transient(
    front: FileServer, web: FileServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    web.always = front.always = (status, b"")
    for spec in ("s3://bucket/a.jsonl", f"{web.url}/a.jsonl"):
        with pytest.raises(Transient, match=str(status)):
            find_objects([spec], OPTIONS)


def test_a_server_that_is_down_is_transient(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for spec in ("s3://bucket/a.jsonl", "http://127.0.0.1:1/a.jsonl"):
        with pytest.raises(Transient, match="cannot connect to"):
            find_objects([spec], OPTIONS)


def test_the_metadata_service_is_asked_only_where_that_is_allowed(
    s3: S3Server, web: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", web.url)
    error = _trouble("s3://bucket/a.jsonl")
    assert error.kind is Kind.AUTH
    assert "objects.instance_role" in error.hint
    assert web.seen == []
    with pytest.raises((Fatal, Transient)):
        find_objects(
            ["s3://bucket/a.jsonl"], ReadOptions(objects=ObjectOptions(instance_role=True))
        )
    assert "/latest/api/token" in web.seen[0][1]


def test_a_missing_library_is_named(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    error = _trouble("s3://bucket/a.jsonl")
    assert "pulse-index[cloud]" in error.hint


def test_the_setting_names_the_server(bucket: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    options = ReadOptions(objects=ObjectOptions(endpoint=bucket.url))
    assert names("s3://crawls/2026-extra.jsonl", options) == ["2026-extra.jsonl"]


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, Kind.MISSING_SOURCE, "check the address"),
        (403, Kind.AUTH, "password or query"),
        (302, Kind.REDIRECT, "use the address it leads to"),
        (418, Kind.REFUSED, ""),
    ],
)
def test_what_a_web_server_refuses_is_explained(
    web: FileServer, status: int, kind: Kind, said: str
) -> None:
    web.faults.append(Fault("status", status, headers={"Location": "http://other.example/x?sig=1"}))
    error = _trouble(f"{web.url}/a.jsonl")
    assert (error.kind, said in error.hint) == (kind, True)
    assert f"{web.url}/a.jsonl" in str(error)
    assert "sig=1" not in str(error)
    assert len(web.seen) == 1


def test_changes_are_told_by_etag_size_and_absence(bucket: S3Server, web: FileServer) -> None:
    spec = "s3://crawls/2026"
    was = find_objects([spec], OPTIONS)[spec].inputs
    bucket.put("crawls", "2026/01/a.jsonl", LINE.replace(b"x", b"y"))
    bucket.delete("crawls", "2026/01/b.jsonl.gz")
    now = find_objects([spec], OPTIONS)
    assert [one.how for one in changed_inputs(was, now)] == ["different", "missing", "same"]
    weak = Input("http://e.org/x", 10)
    for size, how in ((9, "shorter"), (10, "same"), (11, "longer"), (None, "same")):
        found = {"x": now[spec]._replace(inputs=[Input("http://e.org/x", size)])}
        assert [one.how for one in changed_inputs([weak], found)] == [how]


def test_a_file_of_such_a_name_is_no_object(tmp_path: Path) -> None:
    assert find_objects([str(tmp_path), "s3", "-", "index:x"], OPTIONS) == {}
