"""Names that stay what they are: on every machine, and for every spelling of one page."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.model import Document
from pulse_cli.prepare.identity import canonical_url, content_hash, domain_of, point_id
from tests.prepare.pages import ANY_TEXT_WITH_SURROGATES


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://example.com/a", None),
        ("HTTPS://Docs.Example.COM/A/b?C=d", "https://docs.example.com/A/b?C=d"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:/x", "https://example.com/x"),
        ("https://example.com:80/", None),
        ("http://example.com:8080/", None),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
        ("http://[::1]/x", None),
        ("https://User:Pass@Example.com:443/", "https://User:Pass@example.com/"),
        ("https://example.com/a#part", "https://example.com/a"),
        ("https://example.com/a?x=1#part?y=2", "https://example.com/a?x=1"),
        ("https://example.com#part", "https://example.com"),
        ("https://example.com/#/install", None),
        ("https://example.com/#!/remove/all", None),
        ("https://example.com/#!about", None),
        (
            "https://example.com/a?gclid=1#guide/start?utm_source=x",
            "https://example.com/a#guide/start?utm_source=x",
        ),
        ("https://example.com/a#/", "https://example.com/a"),
        ("https://example.com/a#!", "https://example.com/a"),
        ("https://example.com/a#", "https://example.com/a"),
        ("https://example.com/a#:~:text=and/or", "https://example.com/a"),
        ("https://example.com/#/install:~:text=a", "https://example.com/#/install"),
        ("https://example.com/a #/b ", "https://example.com/a#/b"),
        ("https://example.com/?utm_source=x", "https://example.com/"),
        ("https://example.com/?utm_source=x&b=2&utm_medium=y", "https://example.com/?b=2"),
        ("https://example.com/?UTM_Campaign=x&b", "https://example.com/?b"),
        ("https://example.com/?hsCtaTracking=1%7C2&_ga=3", "https://example.com/"),
        ("https://example.com/?gclid&fbclid=&q=1", "https://example.com/?q=1"),
        ("https://example.com/?utm_sourcery=x&my_gclid=1", None),
        # Nothing is decoded, ordered, filled in or merged.
        ("https://example.com/%7Ea/%2F?b=2&a=1&a=&a&&c=%20+", None),
        ("https://example.com/a?", None),
        ("https://example.com/a/", None),
        ("https://www.example.com/a;b=c?d;e", None),
        ("https://example.com/文?q=水", None),
        (" https://example.com/a\n", "https://example.com/a"),
        ("https://example.com/a\ud800", "https://example.com/a\\ud800"),
        ("file:///home/Me/A.md#x", None),
        ("not a url?utm_source=x#y", None),
        ("", None),
    ],
)
def test_canonical_url(url: str, key: str | None) -> None:
    assert canonical_url(url) == (url if key is None else key)


PART = st.text(st.sampled_from("aZ09.:@[]/?#&=%_- \n~;é"), max_size=12)
URLS = st.one_of(
    st.builds(
        lambda scheme, host, rest: f"{scheme}://{host}{rest}",
        st.sampled_from(["http", "HTTPS", "ftp", "file"]),
        PART,
        st.lists(
            st.one_of(PART, st.sampled_from(["?", "&utm_source=1", "utm_term=", "#", "&gclid"])),
            max_size=6,
        ).map("".join),
    ),
    ANY_TEXT_WITH_SURROGATES,
)


@given(URLS)
def test_a_canonical_url_is_its_own(url: str) -> None:
    assert canonical_url(canonical_url(url)) == canonical_url(url)


@given(URLS)
def test_canonical_only_ever_removes(url: str) -> None:
    rest = iter(url.encode("utf-8", "backslashreplace").decode().lower())
    assert all(character in rest for character in canonical_url(url).lower())


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://Docs.Example.com:8443/a", "Docs.Example.com:8443"),
        ("https://user:secret@example.com/", "example.com"),
        ("https://user:se@cret@example.com/", "example.com"),
        ("https://[::1]:80/", "[::1]:80"),
        ("https://[::1/", ""),
        ("no url", ""),
        ("file:///a", ""),
    ],
)
def test_domain(url: str, domain: str) -> None:
    assert domain_of(url) == domain


@given(key=st.text(), index=st.integers(0, 10**6))
def test_point_ids_are_those_anyone_can_compute(key: str, index: int) -> None:
    name = f"{key}#00ff#{index}"
    assert point_id(key, "00ff", index) == str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def test_point_ids_stay_what_they_are() -> None:
    assert point_id("https://example.com/a", "00ff", 0) == "3ae161a4-51fb-50bf-8fe2-5880c08f3cc5"


DOCUMENT = Document(
    url="https://example.com/a",
    text="some text",
    source_url="https://example.com/b",
    title="A title",
    description="About it",
    language="en",
    country="NL",
    is_mobile=False,
)


#: What is written of a document. `part` is not: parts are put together before they are hashed.
WRITTEN = [field for field in dataclasses.fields(Document) if field.name != "part"]


def test_the_content_hash_covers_every_field() -> None:
    hashes = {content_hash(DOCUMENT)}
    for field in WRITTEN:
        value: Any = True if field.name == "is_mobile" else f"{getattr(DOCUMENT, field.name)}!"
        changes = [value, None] if field.default is None else [value, ""]
        for change in changes:
            hashes.add(content_hash(dataclasses.replace(DOCUMENT, **{field.name: change})))
    assert len(hashes) == 1 + 2 * len(WRITTEN)


NAMES = [field.name for field in WRITTEN if field.name != "is_mobile"]
FIELDS = st.fixed_dictionaries(
    {
        name: ANY_TEXT_WITH_SURROGATES
        if name in ("url", "text")
        else st.one_of(st.none(), ANY_TEXT_WITH_SURROGATES)
        for name in NAMES
    }
)


@given(FIELDS, FIELDS)
def test_only_equal_documents_share_a_hash(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = content_hash(Document(**one)) == content_hash(Document(**other))
    assert same == (one == other)


def test_text_may_not_move_between_fields() -> None:
    moved = dataclasses.replace(DOCUMENT, title="A titleA", description="bout it")
    assert content_hash(moved) != content_hash(DOCUMENT)


def test_a_long_text_is_hashed_whole() -> None:
    long = "é" * 3_000_000
    hashes = {
        content_hash(Document(url="u", text=text))
        for text in (long, long[:-1] + "e", "e" + long[1:], long[:-1], long + "\ud800")
    }
    assert len(hashes) == 5
