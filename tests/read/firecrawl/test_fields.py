"""Fields are taken by type from wherever they may stand; filters name their reasons."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document, Skipped, Unreadable
from pulse_cli.read import ReadOptions

URL = "https://example.org/p"


def _one(reader, value: dict[str, Any], **options: Any):
    (content,) = reader.contents(json.dumps(value).encode(), "x.json", **options)
    return content


def _page(**metadata: Any) -> dict[str, Any]:
    return {"markdown": "some text", "metadata": {"url": URL, **metadata}}


URLS = [
    ({"metadata": {"url": URL, "sourceURL": "https://example.org/asked"}}, URL),
    ({"metadata": {"sourceURL": URL}}, URL),
    ({"metadata": {"source_url": URL}}, URL),
    ({"url": None, "metadata": {"url": URL}}, URL),
    ({"url": "https://example.org/top", "metadata": {"url": URL}}, URL),
    ({"url": URL}, URL),
    ({"url": URL, "metadata": None}, URL),
    ({"metadata": {"source": URL}}, URL),
    ({"metadata": {"ogUrl": URL}}, URL),
    ({"metadata": {"og:url": [URL, URL]}}, URL),
    ({"metadata": {"url": {"href": "x"}, "sourceURL": URL}}, URL),
    ({"metadata": {"url": ["", URL], "sourceURL": "https://example.org/s"}}, URL),
    ({"source_url": URL}, URL),
    ({"sourceURL": URL}, URL),
    ({"sourceUrl": URL}, URL),
    ({"resolvedUrl": URL}, URL),
    ({"metadata": {"sourceUrl": URL}}, URL),
    ({"metadata.sourceURL": URL}, URL),
    ({"metadata_source_url": URL}, URL),
    ({"source": "crawler", "sourceURL": URL}, URL),
    ({"metadata": {"url": "javascript:void(0)", "sourceURL": URL}}, URL),
    ({"metadata": {"url": f"  {URL}\n"}}, URL),
    ({"metadata": {"url": "file:///home/x/page.html"}}, "file:///home/x/page.html"),
    ({"metadata": {"url": "HTTPS://User:pw@Example.org:8443/a b?q=[1]#f"}},
     "HTTPS://User:pw@Example.org:8443/a b?q=[1]#f"),
    ({"metadata": {"url": "http://[2001:db8::1]:80/x"}}, "http://[2001:db8::1]:80/x"),
    ({"metadata": {"url": "https://例え.jp/パス"}}, "https://例え.jp/パス"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "url"), URLS)
def test_url(reader, value, url):
    assert _one(reader, {"markdown": "text", **value}).url == url


TITLES = [
    ({"title": "T"}, "T"),
    ({"title": ["First", "Second"]}, "First"),
    ({"title": ["", "Second"]}, "Second"),
    ({"title": [None, " ", "Third"]}, "Third"),
    ({"title": {"x": 1}, "ogTitle": "OG"}, "OG"),
    ({"title": None, "og_title": "OG"}, "OG"),
    ({"title": " ", "og:title": ["OG", "OG2"]}, "OG"),
    ({"title": 7}, None),
    ({"title": "  Kept  as it is "}, "  Kept  as it is "),
    ({"title": "two\nlines"}, "two lines"),
    ({"title": "x" * 5000}, "x" * 1024),
]


@pytest.mark.parametrize(("metadata", "title"), TITLES)
def test_title(reader, metadata, title):
    assert _one(reader, _page(**metadata)).title == title


HEADINGS = [
    ("text\n\n# The title #\n\n# Another", "The title"),
    ("# [Linked](https://example.org/) title", "Linked title"),
    ("# ![logo](x.png) Name", "logo Name"),
    ("```\n# comment\n```\n# Real", "Real"),
    ("## Second level only\n#hashtag", None),
    ("#   \n# Next", "Next"),
]


@pytest.mark.parametrize(("text", "title"), HEADINGS)
def test_a_title_is_found_in_the_text(reader, text, title):
    assert _one(reader, {"markdown": text, "url": URL}).title == title


def test_other_fields(reader):
    document = _one(
        reader,
        _page(
            description=["a", 1, "b"],
            language=["en-US", "de"],
            country="DE",
            isMobile=True,
            sourceURL="http://example.org/asked",
        ),
    )
    assert document == Document(
        URL, "some text", "http://example.org/asked", None, "a, b", "en-US", "DE", is_mobile=True
    )
    bare = _one(reader, _page(description={}, language={}, country=[], isMobile="yes", sourceURL=5))
    assert bare == Document(URL, "some text")


def test_top_level_fields_of_an_index_request(reader):
    value = {"url": URL, "resolvedUrl": "http://example.org/r", "title": "T", "description": "D",
             "markdown": "text", "language": "en", "country": "US", "isMobile": False}  # fmt: skip
    assert _one(reader, value) == Document(
        URL, "text", "http://example.org/r", "T", "D", "en", "US", is_mobile=False
    )


MAP = {"url": "link", "text": "body.content", "title": "head.name", "status": "code"}


@pytest.mark.parametrize("window", [1 << 20, 16])
def test_home_made_fields_are_mapped(reader, window):
    value = {"link": URL, "body": {"content": "words"}, "head": {"name": "T"}, "code": 200}
    for wrapped in (value, {"items": [value]}, [value]):
        (document,) = reader.contents(
            json.dumps(wrapped).encode(), "x.json", field_map=MAP, window=window
        )
        assert document == Document(URL, "words", title="T")


def test_the_map_does_not_hide_the_usual_fields(reader):
    assert _one(reader, _page(title="T"), field_map=MAP) == Document(URL, "some text", title="T")
    gone = {"link": URL, "body": {"content": "words"}, "code": "404"}
    assert _one(reader, gone, field_map=MAP) == Skipped("http-error", URL, gone=True)


def test_a_mapped_key_may_hold_dots(reader):
    value = {"page.url": URL, "page.text": "words"}
    mapping = {"url": "page.url", "text": "page.text"}
    assert _one(reader, value, field_map=mapping) == Document(URL, "words")


def test_an_unknown_field_in_the_map_is_a_usage_error():
    with pytest.raises(Fatal, match="'link'") as caught:
        ReadOptions(field_map={"link": "url"})
    assert caught.value.kind is Kind.CONFIG


STATUSES = [
    ({"statusCode": 404}, Skipped("http-error", URL, gone=True)),
    ({"statusCode": 410}, Skipped("http-error", URL, gone=True)),
    ({"statusCode": 500}, Skipped("http-error", URL)),
    ({"status_code": "403"}, Skipped("http-error", URL)),
    ({"pageStatusCode": 400}, Skipped("http-error", URL)),
    ({"statusCode": 399}, None),
    ({"statusCode": None}, None),
    ({"statusCode": True}, None),
    ({"statusCode": "never"}, None),
    ({"error": "Not Found"}, None),
]


@pytest.mark.parametrize(("metadata", "expected"), STATUSES)
def test_error_pages_are_skipped(reader, metadata, expected):
    found = _one(reader, _page(**metadata))
    assert found == expected if expected else isinstance(found, Document)
    assert isinstance(_one(reader, _page(**metadata), include_errors=True), Document)


@pytest.mark.parametrize(
    ("metadata", "skipped"),
    [
        ({"contentType": "application/xml; charset=utf-8"}, True),
        ({"content_type": "TEXT/XML"}, True),
        ({"contentType": "application/xhtml+xml"}, False),
        ({"url": "https://example.org/post-sitemap2.xml"}, True),
        ({"url": "https://example.org/sitemap.xml.gz?x=1"}, True),
        ({"url": "https://example.org/sitemap.xml", "contentType": "text/html"}, False),
        ({"url": "https://example.org/about-sitemap.xml-files"}, False),
    ],
)
def test_sitemaps_are_skipped(reader, metadata, skipped):
    found = _one(reader, _page(**metadata))
    if skipped:
        assert isinstance(found, Skipped)
        assert found.reason == "sitemap-xml"
    else:
        assert isinstance(found, Document)


def test_short_pages(reader):
    assert _one(reader, _page(), min_chars=10) == Skipped("too-short", URL)
    assert isinstance(_one(reader, _page(), min_chars=9), Document)


GLOBS = [
    ((), (), None),
    (("https://example.org/*",), (), None),
    (("*/p",), (), None),
    (("https://example.org/docs/*", "*/p"), (), None),
    (("https://example.org/docs/*",), (), "not-included"),
    ((), ("*/p",), "excluded"),
    (("*",), ("https://*",), "excluded"),
    (("*/P",), (), "not-included"),
]


@pytest.mark.parametrize(("include", "exclude", "reason"), GLOBS)
def test_globs(reader, include, exclude, reason):
    found = _one(reader, _page(), include=include, exclude=exclude)
    assert found == Skipped(reason, URL) if reason else isinstance(found, Document)


def test_a_page_without_an_address_is_dead_and_kept(reader):
    value = {"markdown": "text", "metadata": {"title": "T"}}
    found = _one(reader, value, include=("https://example.org/*",))
    assert isinstance(found, Unreadable)
    assert (found.reason, found.record) == ("no-url", value)


def test_the_first_address_that_was_refused_is_told(reader):
    found = _one(reader, _page(url="javascript:x", sourceURL="mailto:y"))
    assert found.reason == "bad-url"
    assert "javascript:x" in found.detail


def test_secrets_are_not_shown():
    assert "s3cret" not in repr(ReadOptions(firecrawl_api_key="s3cret"))
