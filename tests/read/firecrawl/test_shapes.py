"""Every shape a Firecrawl user holds, told apart by content alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_cli.model import Document, NoDocument, Note, Skipped, Unreadable

DOCUMENTS = {
    "document_per_line.jsonl": 3,
    "snake_case_per_line.jsonl": 3,
    "response_per_line.jsonl": 3,
    "status_pages.jsonl": 4,
    "payload.jsonl": 1,
    "crawl.json": 3,
    "crawl_pretty.json": 3,
    "cli_crawl.json": 1,
    "scrape.json": 1,
    "document.json": 1,
    "array.json": 2,
    "array_per_line.json": 3,
    "concatenated.json": 4,
    "pretty_stream.json": 3,
    "pretty_stream_named_lines.jsonl": 3,
    "one_object_named_lines.jsonl": 3,
    "lines_named_json.json": 2,
    "flat_content.jsonl": 2,
    "flat_markdown.jsonl": 2,
    "flat_text.jsonl": 2,
    "langchain.jsonl": 2,
    "langchain_serialized.jsonl": 1,
    "llamaindex.jsonl": 2,
    "index_request.jsonl": 1,
    "v0_status.json": 1,
    "search_v1.json": 1,
    "search_v2.json": 1,
    "webhooks.jsonl": 2,
    "mcp.json": 1,
    "mcp_search.json": 2,
    "html_only.jsonl": 2,
    "mixed.jsonl": 7,
    "chunks.jsonl": 5,
    "chunks.json": 3,
    "image_addresses.json": 1,
    "crawl_ended_v0.jsonl": 2,
    "crawl_cut.json": 2,
    "lines_cut.jsonl": 1,
    "damaged_middle.json": 2,
    "pretty_broken.json": 2,
    "dead_letters.jsonl": 1,
}
NO_DOCUMENT = {
    "search_v1.json": ["search-hit-without-text"],
    "search_v2.json": ["search-hit-without-text"] * 3,
    "webhooks.jsonl": ["event-without-page", "failed-scrape", "event-without-page"],
    "map.json": ["map-output"],
    "map_v1.json": ["map-output"],
    "job.json": ["job-handle"],
    "extract.json": ["extract-only"],
    "json_only.jsonl": ["extract-only"],
    "errors.json": ["error-list"],
    "image_addresses.json": ["without-text"],
    "mixed.jsonl": ["blank-line", "failed-scrape"],
}
DEAD = {
    "wrapped_unknown.json": ["unknown-shape", "unknown-shape"],
    "mixed.jsonl": ["invalid-json", "unknown-shape"],
    "crawl_cut.json": ["truncated"],
    "lines_cut.jsonl": ["truncated"],
    "damaged_middle.json": ["invalid-json", "unknown-shape"],
    "pretty_broken.json": ["invalid-json"],
    "dead_letters.jsonl": ["invalid-json", "too-long"],
}


def test_each_sample_holds_what_was_put_into_it(reader, sample):
    name, data = sample
    contents = reader.contents(data, name)
    documents = [one for one in contents if isinstance(one, Document)]
    assert len(documents) == DOCUMENTS.get(name, 0)
    for document in documents:
        assert document.url.startswith("https://example.org/")
        assert document.text.strip()
    found = [one.reason for one in contents if isinstance(one, NoDocument)]
    assert found == NO_DOCUMENT.get(name, [])
    assert [one.reason for one in contents if isinstance(one, Unreadable)] == DEAD.get(name, [])
    assert not [one for one in contents if isinstance(one, Skipped)]


def test_the_name_of_a_file_does_not_matter(reader, sample):
    name, data = sample
    base = [one for one in reader.contents(data, name) if not isinstance(one, Note)]
    for other in ("x.json", "x.jsonl", "x.ndjson", "x.txt", "x"):
        again = [one for one in reader.contents(data, other) if not isinstance(one, Note)]
        assert again == base


def test_a_document_takes_its_fields_from_the_metadata(reader, make_page):
    (document,) = reader.contents(_line(make_page(7)))
    assert document == Document(
        url="https://example.org/7/",
        text=make_page(7)["markdown"],
        source_url="http://example.org/7",
        title="Title 7",
        description="About 7",
        language="en",
    )


NOTES = [
    ({"success": True, "status": "scraping", "completed": 2, "total": 240, "data": "PAGES",
      "next": "https://api.firecrawl.dev/v2/crawl/5f-1?skip=2"},
     ["not finished", "2 of 240 pages", "pulse index firecrawl:crawl/5f-1"]),
    ({"success": True, "status": "completed", "total": 91, "data": "PAGES",
      "next": "https://api.firecrawl.dev/v2/crawl/5f-1?skip=25"},
     ["partial crawl", "25 of 91 pages", "firecrawl:crawl/5f-1"]),
    ({"status": "failed", "total": 9, "data": "PAGES"}, ["failed", "2 of 9"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), NOTES)
@pytest.mark.parametrize("window", [1 << 20, 16])
def test_a_crawl_that_is_not_whole_is_said_to_be_partial(
    reader, make_page, value, expected, window
):
    if value.get("data") == "PAGES":
        value = {**value, "data": [make_page(1), make_page(2)]}
    contents = reader.contents(_line(value), "x.json", window=window)
    (note,) = [one for one in contents if isinstance(one, Note)]
    assert "x.json" in note.message
    for words in expected:
        assert words in note.message


HINTS = [
    ({"success": True, "links": ["https://example.org/"]}, "map-output", "crawl or scrape"),
    ({"success": True, "data": ["https://example.org/"]}, "map-output", "crawl or scrape"),
    ({"success": True, "id": "5f-1", "url": "https://api.firecrawl.dev/v2/crawl/5f-1"},
     "job-handle", "pulse index firecrawl:crawl/5f-1"),
    ({"success": True, "data": {"jobId": "5f-1", "status": "processing"}},
     "job-handle", "pulse index firecrawl:crawl/5f-1"),
    ({"id": "5f-1", "status": "scraping", "total": 9, "expiresAt": "2030-01-01"},
     "job-handle", "pulse index firecrawl:crawl/5f-1"),
    ({"success": True, "data": {"founded": 1999}}, "extract-only", "formats: markdown"),
    ({"json": {"price": 3}, "metadata": {"url": "https://example.org/"}},
     "extract-only", "formats: markdown"),
    ({"images": ["https://example.org/a.png"], "metadata": {"url": "https://example.org/"}},
     "without-text", "formats: markdown"),
    ({"summary": "A page about pans and their care.", "images": ["https://example.org/a.png"],
      "metadata": {"url": "https://example.org/"}}, "without-text", "formats: markdown"),
    ({"success": False, "error": "Payment required"}, "failed-scrape", "Payment required"),
    ({"content": [{"type": "text", "text": "Rate limit hit"}], "isError": True},
     "failed-scrape", "Rate limit hit"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "reason", "words"), HINTS)
@pytest.mark.parametrize("window", [1 << 20, 30])
def test_what_holds_no_page_says_how_to_get_it(reader, value, reason, words, window):
    (content,) = reader.contents(_line(value), "x.json", window=window)
    assert isinstance(content, NoDocument)
    assert content.reason == reason
    assert words in content.hint


def test_a_complete_crawl_in_pages_is_not_called_partial(reader, samples):
    contents = reader.contents(samples["status_pages.jsonl"])
    assert not [one for one in contents if isinstance(one, Note)]


def test_unknown_shapes_name_their_keys(reader):
    (dead,) = reader.contents(_line({"foo": 1, "bar": 2}))
    assert "'foo', 'bar'" in dead.detail
    assert dead.record == {"foo": 1, "bar": 2}


@pytest.mark.parametrize("depth", [3, 50, 500])
def test_envelopes_end_somewhere(reader, make_page, depth):
    value = make_page(1)
    for _ in range(depth):
        value = {"data": value}
    (content,) = reader.contents(_line(value), "x.json")
    assert isinstance(content, Document if depth == 3 else Unreadable)


def test_a_page_is_not_taken_for_an_envelope(reader, make_page):
    pages = [{"pageNumber": 1, "markdown": "part"}]
    value = make_page(1, pages=pages, data=[{"x": 1}], json={"items": [1]}, content="chunks")
    for window in (1 << 20, 16):
        (document,) = reader.contents(_line(value), "x.json", window=window)
        assert document.url == "https://example.org/1/"


def test_members_below_the_first_level_are_not_opened(reader):
    metadata = {"url": "https://example.org/1/", "items": [{"x": 1}], "data": {"y": [2]}}
    value = {"metadata": metadata, "markdown": "text"}
    for window in (1 << 20, 16):
        (document,) = reader.contents(_line(value), "x.json", window=window)
        assert isinstance(document, Document)


def test_a_mode_called_content_does_not_hide_the_results(reader, make_page):
    value = {"query": "q", "content": "chunks", "results": [make_page(1), make_page(2)]}
    assert len(reader.contents(_line(value), "x.json")) == 2


def _line(value: Any) -> bytes:
    return json.dumps(value).encode()
