"""Events of Firecrawl, v0 to v2: the pages they bring, and the answers of the original."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from pulse_cli.read import ReadOptions
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.serve.crawls import Origin, origin
from pulse_cli.serve.firecrawl_events import MAX_PAGES, Event, NotAnEvent, answer_to, read_event


def page(url: str = "https://site.example/a", text: str = "# A\n\nText of a page.") -> Any:
    return {"markdown": text, "metadata": {"url": url, "sourceURL": url, "statusCode": 200}}


def read(value: Any) -> Event:
    return read_event(orjson.dumps(value), Shapes(ReadOptions()))


def event(kind: str, data: Any = None, **more: Any) -> dict[str, Any]:
    return {"success": True, "type": kind, "id": "crawl-1", "data": data, **more}


@pytest.mark.parametrize("kind", ["crawl.page", "batch_scrape.page"])
def test_pages_are_queued_one_job_each(kind: str) -> None:
    found = read(event(kind, [page(), page("https://site.example/b")]))
    assert [orjson.loads(line)["metadata"]["url"] for line in found.lines] == [
        "https://site.example/a",
        "https://site.example/b",
    ]
    assert {orjson.loads(line)["pulse_crawl"] for line in found.lines} == {
        f"{kind.partition('.')[0]}/crawl-1"
    }
    assert answer_to(found, ["1.0", "1.1"]) == (
        202,
        {"status": "queued", "queued_jobs": 2, "job_ids": ["1.0", "1.1"]},
    )


def test_a_single_page_need_not_be_in_a_list() -> None:
    assert len(read(event("crawl.page", page())).lines) == 1


def test_v0_sends_all_pages_when_the_crawl_is_complete() -> None:
    found = read({"success": True, "jobId": "j", "type": "crawl.completed", "data": [page()]})
    assert (found.id, found.pages) == ("j", 1)
    assert [origin(line) for line in found.lines] == [
        Origin("crawl", "j"),
        Origin("crawl", "j", "completed"),
    ]
    assert answer_to(found, ["1.0"])[0] == 202


@pytest.mark.parametrize(
    "kind",
    [
        "crawl.started",
        "crawl.completed",
        "crawl.failed",
        "batch_scrape.completed",
        "extract.completed",
        "agent.started",
        "monitor.check.completed",
    ],
)
def test_what_brings_no_page_is_acknowledged(kind: str) -> None:
    assert answer_to(read(event(kind, [])), []) == (
        200,
        {"status": "acknowledged", "event_type": kind},
    )


def test_a_page_event_without_pages_says_so() -> None:
    assert answer_to(read(event("crawl.page", [])), []) == (200, {"status": "no_documents"})


def test_a_failed_event_is_acknowledged_with_its_error() -> None:
    found = read(event("crawl.page", [], success=False, error="blocked"))
    assert answer_to(found, []) == (
        200,
        {"status": "acknowledged", "message": "blocked", "event_id": "crawl-1"},
    )


def test_bad_pages_do_not_cost_the_good_ones() -> None:
    bad = {"markdown": "text without an address", "metadata": {"statusCode": 200}}
    found = read(event("crawl.page", [page(), bad, 7, None]))
    assert len(found.lines) == 1
    assert len(found.failed) == 3
    status, answer = answer_to(found, ["1.0"])
    assert (status, answer["queued_jobs"]) == (202, 1)
    assert all(one["error"] and one["error_type"] for one in answer["failed_documents"])


def test_lists_where_a_text_was_expected_are_no_reason_to_refuse() -> None:
    odd = page()
    odd["metadata"] |= {"title": ["A", "B"], "language": ["en"]}
    assert read(event("crawl.page", [odd])).failed == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"type": 7}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_event_is_named(body: bytes) -> None:
    with pytest.raises(NotAnEvent):
        read_event(body, Shapes(ReadOptions()))


def test_too_many_pages_are_refused() -> None:
    body = json.dumps(event("crawl.page", [0] * (MAX_PAGES + 1))).encode()
    with pytest.raises(NotAnEvent, match="at most"):
        read_event(body, Shapes(ReadOptions()))
