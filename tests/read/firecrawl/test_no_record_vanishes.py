"""A record that may hold text is indexed or a dead letter, whatever its members are called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_cli.model import Document, NoDocument, Skipped, Unreadable
from pulse_cli.read.firecrawl.shapes import WRAPPERS

URL = "https://shop.example/pan"
TEXT = "Season the pan with oil."
NAMES = sorted(WRAPPERS | {"article_text", "story", "text_de", "summary", "message", "product"})


def _read(reader, value: Any, **options: Any) -> list[Any]:
    return reader.contents(json.dumps(value).encode(), "x.json", **options)


def _ends_well(contents: list[Any]) -> bool:
    """Whether the text of a record is in a document, or in a dead letter that keeps it."""
    return any(
        (isinstance(one, Document) and TEXT in one.text)
        or (isinstance(one, Unreadable) and TEXT in str(one.record))
        for one in contents
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("window", [1 << 20, 60])
def test_a_text_under_any_name(reader, name, window):
    for record in (
        {"url": URL, "title": "Pan", name: TEXT},
        {"url": URL, name: TEXT},
        {"link": URL, name: TEXT},
        {"id": 7, "status": "completed", name: TEXT},
        {"metadata": {"url": URL}, name: [], "story": TEXT},
        {"url": URL, "title": "Pan", name: [], "story": TEXT},
        {"url": URL, "title": "Pan", name: [{"title": "Lid", "url": f"{URL}/lid"}], "story": TEXT},
        {"url": URL, "title": "Pan", name: [TEXT, "A second paragraph."]},
        {"url": URL, "title": "Pan", name: {"story": TEXT}},
        {"success": True, "data": {"url": URL, "title": "Pan", name: None, "story": TEXT}},
        {"success": True, "data": [{"url": URL, "title": "Pan", name: TEXT}]},
    ):
        if name == "images" and record.get(name) and not isinstance(record[name], str):
            continue  # what is in a list of images is about images
        assert _ends_well(_read(reader, record, window=window)), record


@pytest.mark.parametrize("name", ["body", "text", "content", "raw_content", "page_content"])
def test_a_text_under_a_plain_name_is_indexed(reader, name):
    (document,) = _read(reader, {"url": URL, "title": "Pan", name: TEXT, "images": []})
    assert document == Document(URL, TEXT, title="Pan")


ADVICE = [
    ({"url": URL, "data": TEXT}, "'text=data'"),
    ({"link": URL, "text": TEXT}, "'url=link'"),
    ({"page_url": URL, "image": f"{URL}.png", "markdown": TEXT}, "'url=page_url'"),
    ({"permalink": URL, "story": TEXT}, "'url=permalink,text=story'"),
    ({"link": URL, "content": {"rendered": TEXT}}, "'url=link,text=content.rendered'"),
    ({"html_url": URL, "title": "Leak", "body": TEXT}, "'url=html_url'"),
]


@pytest.mark.parametrize(("record", "mapping"), ADVICE)
def test_a_dead_letter_shows_the_map_that_reads_it(reader, record, mapping):
    (dead,) = _read(reader, record)
    assert dead.detail.endswith(f"; to read it: --set source.map={mapping}")
    assert all(repr(key) in dead.detail for key in record)
    field_map = dict(pair.split("=") for pair in mapping.strip("'").split(","))
    (document,) = _read(reader, record, field_map=field_map)
    assert (document.url, document.text) == (URL, TEXT)


CERTAINLY_WITHOUT = [
    ({}, "empty-response"),
    ([], "empty-response"),
    ({"success": True, "data": []}, "empty-response"),
    ({"success": True, "data": {}, "warning": "Nothing was found for this query at all"},
     "empty-response"),
    ({"results": [], "requestId": "a 1", "creditsUsed": 1}, "empty-response"),
    ({"query": "how to season a pan", "content": "chunks", "results": []}, "empty-response"),
    ({"url": URL, "images": []}, "without-text"),
    ({"url": URL, "title": "Pan", "description": TEXT}, "search-hit-without-text"),
    ({"url": URL, "title": "Pan", "images": []}, "search-hit-without-text"),
    ({"error": True, "product_url": URL, "product_name": "Pan", "reason": "blocked by the shop"},
     "failed-scrape"),
    ({"success": False, "error": "Bad Request", "details": [{"message": "The URL is not valid"}]},
     "failed-scrape"),
    ({"success": True, "data": {"company": "Pans and Lids Limited"}}, "extract-only"),
    ({"type": "extract.completed", "data": [{"company": "Pans and Lids Limited"}]},
     "event-without-page"),
    ({"type": "crawl.completed", "success": True, "data": []}, "event-without-page"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "reason"), CERTAINLY_WITHOUT)
def test_what_certainly_holds_no_page_is_no_dead_letter(reader, value, reason):
    (content,) = _read(reader, value)
    assert isinstance(content, NoDocument)
    assert content.reason == reason


def test_an_answer_beside_pages_is_no_record(reader):
    value = {"query": "pans", "answer": TEXT, "results": [{"url": URL, "content": "All of it."}]}
    assert _read(reader, value) == [Document(URL, "All of it.")]


def test_a_blank_page_is_skipped_but_no_text_under_another_name(reader):
    assert _read(reader, {"url": URL, "markdown": " "}) == [Skipped("blank", URL)]
    (dead,) = _read(reader, {"url": URL, "markdown": "", "story": TEXT})
    assert (dead.reason, "'text=story'" in dead.detail) == ("unknown-shape", True)


def test_strings_of_json_are_opened(reader):
    body = json.dumps({"success": True, "data": {"markdown": TEXT, "metadata": {"url": URL}}})
    assert _read(reader, {"statusCode": 200, "body": body}) == [Document(URL, TEXT)]
    (document,) = _read(reader, {"url": URL, "body": "[Home](/) and then the text"})
    assert document.text == "[Home](/) and then the text"


def test_a_page_in_an_envelope_has_the_address_beside_it(reader):
    value = {"url": URL, "title": "Pan", "result": {"markdown": TEXT, "metadata": {}}}
    assert _read(reader, value) == [Document(URL, TEXT, title="Pan")]


def test_raw_content_is_the_page_and_content_its_snippet(reader):
    value: dict[str, Any] = {
        "results": [{"url": URL, "content": "Season ...", "raw_content": TEXT}]
    }
    assert _read(reader, value) == [Document(URL, TEXT)]
    value = {"results": [{"url": URL, "content": TEXT, "raw_content": None}]}
    assert _read(reader, value) == [Document(URL, TEXT)]


def test_html_under_a_general_name_becomes_markdown(reader):
    for html in ("<!DOCTYPE html><html><p>Season <b>it</b></p></html>", "<p>Season <b>it</b></p>"):
        (document,) = _read(reader, {"url": URL, "content": html})
        assert document.text.strip() == "Season **it**"
    readme = '<div align="center">logo</div>\n\n# Pan\n\n<p>Season it</p>'
    assert _read(reader, {"url": URL, "content": readme})[0].text == readme


def test_forms_of_markdown_in_an_object(reader):
    forms = {"raw_markdown": TEXT, "fit_markdown": "", "references_markdown": ""}
    value = {"url": URL, "html": "<p>no", "markdown": forms, "success": True, "status_code": 200}
    assert _read(reader, value) == [Document(URL, TEXT)]
    assert _read(reader, [value, value]) == [Document(URL, TEXT)] * 2


def test_a_document_in_numbered_pages_is_one_page(reader):
    pages = [{"pageNumber": 1, "markdown": "One"}, {"pageNumber": 2, "markdown": "Two"}]
    value = {"pages": pages, "metadata": {"url": URL}}
    assert _read(reader, value) == [Document(URL, "One\n\nTwo")]
    site = {"url": URL, "pages": [{"url": f"{URL}/1", "text": "One"}, {"url": URL, "text": "Two"}]}
    assert [one.text for one in _read(reader, site)] == ["One", "Two"]


@pytest.mark.parametrize("kind", ["crawl.completed", "batch_scrape.completed", "crawl.failed"])
@pytest.mark.parametrize("window", [1 << 20, 16])
def test_an_event_with_pages_is_read_whatever_its_type(reader, kind, window):
    pages = [{"content": TEXT, "markdown": TEXT, "metadata": {"sourceURL": URL}}] * 2
    value = {"success": True, "type": kind, "jobId": "5f", "data": pages}
    assert [one.text for one in _read(reader, value, window=window)] == [TEXT, TEXT]


def test_a_vector_store_keeps_text_and_address_with_the_vector(reader):
    payload = {"url": URL, "text": TEXT}
    value = {"result": {"points": [{"id": 1, "payload": payload, "vector": [0.5]}]}}
    assert _read(reader, value["result"]["points"][0])[0].text == TEXT
    assert _read(reader, {"id": "a", "values": [0.5], "metadata": payload})[0].text == TEXT
