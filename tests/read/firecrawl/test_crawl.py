"""A crawl fetched from Firecrawl itself, over TCP, page by page."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pulse_cli.errors import Fatal, Kind, Unavailable
from pulse_cli.model import Document, Note, Position, Record
from pulse_cli.read import ReadOptions, open_source

KEY = "fc-s3cret-canary"
SOURCE = "firecrawl:crawl/5f-1"


class FakeFirecrawl:
    """Answers GET /v2/crawl/5f-1?skip=N, or v1. `script` overrides the next answers, in order."""

    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.per_page = 3
        self.version = "v2"
        self.status = "completed"
        self.failed: dict[str, Any] = {"errors": [], "robotsBlocked": []}
        self.next_host: str | None = None
        self.script: list[tuple[int, dict[str, str], bytes] | None] = []
        self.asked: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(path)
        if parts.path == f"/{self.version}/crawl/5f-1/errors":
            return 200, {}, json.dumps(self.failed).encode()
        if parts.path != f"/{self.version}/crawl/5f-1":
            return 404, {}, b'{"success":false,"error":"Job not found"}'
        skip = int(parse_qs(parts.query).get("skip", ["0"])[0])
        value: dict[str, Any] = {
            "success": True,
            "status": self.status,
            "total": 9,
            "data": self.pages[skip : skip + self.per_page],
        }
        if skip + self.per_page < len(self.pages) or self.status == "scraping":
            host = self.next_host or self.url
            after = min(skip + self.per_page, len(self.pages))
            value["next"] = f"{host}/{self.version}/crawl/5f-1?skip={after}"
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake.asked.append((self.path, self.headers.get("Authorization")))
                scripted = fake.script.pop(0) if fake.script else fake.answer(self.path)
                if scripted is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, headers, body = scripted
                self.send_response(status)
                for name, content in headers.items():
                    self.send_header(name, content)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def firecrawl(make_page: Callable[..., dict[str, Any]]) -> Iterator[FakeFirecrawl]:
    fake = FakeFirecrawl([make_page(n) for n in range(8)])
    yield fake
    fake.close()


class Slept(list[float]):
    """How long was slept, one entry each; `now` is a clock that only sleeping moves."""

    def now(self) -> float:
        return sum(self)


@pytest.fixture
def slept() -> Slept:
    return Slept()


@pytest.fixture
def read(firecrawl: FakeFirecrawl, slept: Slept) -> Callable[..., list[Record]]:
    def reads(start: Position | None = None, **options: Any) -> list[Record]:
        told = ReadOptions(firecrawl_url=firecrawl.url, firecrawl_api_key=KEY, **options)
        source = open_source([SOURCE], told, sleep=slept.append, now=slept.now)
        return list(source.records(start or Position()))

    return reads


def _urls(records: list[Record]) -> list[str]:
    return [one.content.url for one in records if isinstance(one.content, Document)]


def test_all_pages_of_a_crawl_are_fetched(firecrawl, read):
    assert _urls(read()) == [f"https://example.org/{n}/" for n in range(8)]
    assert [path for path, _ in firecrawl.asked] == [
        *(f"/v2/crawl/5f-1?skip={skip}" for skip in (0, 3, 6)),
        "/v2/crawl/5f-1/errors",
    ]
    assert {key for _, key in firecrawl.asked} == {f"Bearer {KEY}"}


def test_an_older_firecrawl_is_asked_as_it_understands(firecrawl, read):
    """Self-hosted ones may know v1 only; its answers are the same."""
    firecrawl.version = "v1"
    firecrawl.script = [(503, {}, b"busy")]  # which says nothing about what it knows
    records = read()
    assert _urls(records) == [f"https://example.org/{n}/" for n in range(8)]
    assert [path for path, _ in firecrawl.asked] == [
        "/v2/crawl/5f-1?skip=0",
        "/v2/crawl/5f-1?skip=0",
        *(f"/v1/crawl/5f-1?skip={skip}" for skip in (0, 3, 6)),
        "/v1/crawl/5f-1/errors",
    ]
    assert {key for _, key in firecrawl.asked} == {f"Bearer {KEY}"}
    assert read(records[3].position) == records[4:]


def test_a_crawl_that_expires_while_it_is_read_is_not_looked_for_elsewhere(firecrawl, read):
    firecrawl.script = [firecrawl.answer("/v2/crawl/5f-1?skip=0"), (404, {}, b"{}")]
    with pytest.raises(Fatal, match="knows no crawl 5f-1"):
        read()
    assert [path for path, _ in firecrawl.asked] == [
        f"/v2/crawl/5f-1?skip={skip}" for skip in (0, 3)
    ]


def test_resume_asks_for_the_page_it_stopped_in(firecrawl, read):
    records = read()
    for done, record in enumerate(records, 1):
        firecrawl.asked.clear()
        assert read(record.position) == records[done:]
        assert f"skip={min(done // 3 * 3, 6)}" in firecrawl.asked[0][0]


def test_a_page_that_became_another_is_refused(firecrawl, read, make_page):
    at = read()[4].position
    firecrawl.pages[3] = make_page(77)
    with pytest.raises(Fatal) as caught:
        read(at)
    assert caught.value.kind is Kind.SOURCE_CHANGED


def test_the_key_goes_to_no_other_host(firecrawl, read):
    other = FakeFirecrawl([])
    try:
        firecrawl.next_host = other.url
        assert len(_urls(read())) == 8
        assert other.asked == []
    finally:
        other.close()


def test_redirects_are_refused(firecrawl, read):
    other = FakeFirecrawl([])
    try:
        firecrawl.script = [(302, {"Location": f"{other.url}/v2/crawl/5f-1"}, b"")]
        with pytest.raises(Fatal, match="redirect"):
            read()
        assert other.asked == []
    finally:
        other.close()


def test_an_unfinished_crawl_is_read_as_far_as_it_is_and_noted(firecrawl, read):
    firecrawl.status = "scraping"
    *documents, note = read()
    assert len(_urls(documents)) == 8
    assert isinstance(note.content, Note)
    assert note.content.partial
    assert "scraping" in note.content.message
    assert "8 of 9 pages" in note.content.message


FAILED = {
    "errors": [
        {"id": "1", "url": "https://example.org/slow/", "error": "timed out"},
        {"id": "2", "url": "https://example.org/gone/", "error": "DNS"},
        {"id": "3", "error": "of no page"},
    ],
    "robotsBlocked": ["https://example.org/private/"],
}


def test_pages_that_the_crawl_could_not_get_come_last_and_are_not_taken_for_gone(firecrawl, read):
    firecrawl.failed = FAILED
    records = read()
    *skipped, note = [one.content for one in records[8:]]
    assert [(one.reason, one.url, one.gone) for one in skipped] == [
        ("failed-scrape", "https://example.org/slow/", False),
        ("failed-scrape", "https://example.org/gone/", False),
        ("robots-blocked", "https://example.org/private/", False),
    ]
    assert note.message.endswith("slow/: timed out (2 pages failed)")
    assert not note.partial
    for done, record in enumerate(records, 1):
        assert read(record.position) == records[done:]


def test_a_firecrawl_that_keeps_no_list_of_failures_has_none(firecrawl, read):
    fine = [firecrawl.answer(f"/v2/crawl/5f-1?skip={skip}") for skip in (0, 3, 6)]
    firecrawl.script = [*fine, (404, {}, b'{"success":false}')]
    assert len(read()) == 8


class Growing(Slept):
    """Each time that is slept, the crawl has found two pages more, of eight."""

    def __init__(self, firecrawl: FakeFirecrawl) -> None:
        super().__init__()
        self._firecrawl = firecrawl
        self._waiting, firecrawl.pages = firecrawl.pages, []
        firecrawl.status = "scraping"

    def append(self, seconds: float) -> None:
        super().append(seconds)
        self._firecrawl.pages += self._waiting[:2]
        del self._waiting[:2]
        self._firecrawl.status = "scraping" if self._waiting else "completed"


@pytest.fixture
def follow(firecrawl: FakeFirecrawl) -> Callable[..., Iterator[Record]]:
    def follows(slept: Slept, start: Position | None = None, limit: int = 100) -> Iterator[Record]:
        told = ReadOptions(firecrawl_url=firecrawl.url, follow_up_to=limit)
        source = open_source([SOURCE], told, sleep=slept.append, now=slept.now)
        return source.records(start or Position())

    return follows


def test_a_running_crawl_is_followed_to_its_end(firecrawl, follow):
    slept = Growing(firecrawl)
    records = list(follow(slept))
    assert _urls(records) == [f"https://example.org/{n}/" for n in range(8)]
    assert len(slept) == 4
    assert [record.then_waits for record in records] == [False, True] * 3 + [False, False]


@pytest.mark.parametrize("done", range(8))
def test_a_crawl_that_grew_since_is_taken_up_where_it_was_left(firecrawl, follow, done):
    slept = Growing(firecrawl)
    part = follow(slept)
    at = Position()
    for _ in range(done):
        at = next(part).position
    while firecrawl.status == "scraping":
        slept.append(1)
    assert _urls(list(follow(slept, at))) == [f"https://example.org/{n}/" for n in range(done, 8)]


def test_a_crawl_that_finds_nothing_for_long_is_left_resumably(firecrawl, follow, slept):
    firecrawl.status = "scraping"
    records = follow(slept)
    assert len([next(records) for _ in range(8)]) == 8
    with pytest.raises(Unavailable, match="has found no page for 600 s; 8 so far"):
        next(records)
    assert slept == [2.0] * 300


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_followed_crawl_that_fails_is_a_dead_letter(firecrawl, follow, slept, status):
    firecrawl.status = status
    *documents, last = follow(slept)
    assert len(_urls(documents)) == 8
    assert last.content.reason == "crawl-failed"
    assert f"is {status}: 8 of 9 pages" in last.content.detail


def test_a_crawl_that_met_its_limit_is_not_known_to_be_whole(firecrawl, follow, slept):
    note = list(follow(slept, limit=8))[-1].content
    assert note.partial
    assert "its limit of 8 pages" in note.message
    assert len(list(follow(slept, limit=9))) == 8


# The client itself asks twice where a connection is closed without an answer.
PASSING = [(503, {}, b"busy"), (429, {"Retry-After": "7"}, b""), (200, {}, b'{"da'), None, None]


def test_what_passes_is_tried_again(firecrawl, read, slept):
    firecrawl.script = list(PASSING)
    assert len(_urls(read())) == 8
    assert slept == [0.25, 7.0, 1.0, 2.0]


def test_a_server_that_stays_down_ends_the_run_resumably(firecrawl, read, slept):
    firecrawl.script = [(500, {}, b"")] * 200
    with pytest.raises(Fatal) as caught:
        read()
    assert isinstance(caught.value, Unavailable)
    assert slept.now() == pytest.approx(ReadOptions().give_up_after)
    assert max(slept) <= 15.0


def test_nobody_listening_ends_the_run_resumably(slept):
    options = ReadOptions(firecrawl_url="http://user:pw@127.0.0.1:9", firecrawl_api_key=KEY)
    with pytest.raises(Fatal) as caught:
        list(open_source([SOURCE], options, sleep=slept.append, now=slept.now).records(Position()))
    assert isinstance(caught.value, Unavailable)
    assert "pw" not in str(caught.value) + caught.value.hint


REFUSED = [
    (401, b"{}", "firecrawl.api_key"),
    (403, b"{}", "firecrawl.api_key"),
    (404, b"{}", "24 hours"),
    (402, b'{"error": "Payment required"}', "Payment required"),
    (200, b'{"success": true}', "no list of documents"),
    (200, b"[1]", "no list of documents"),
]


@pytest.mark.parametrize(("status", "body", "says"), REFUSED)
def test_what_will_not_pass_says_what_to_do(firecrawl, read, slept, status, body, says):
    firecrawl.script = [(status, {}, body)]
    with pytest.raises(Fatal) as caught:
        read()
    message = f"{caught.value} {caught.value.hint}"
    assert says in message
    assert KEY not in message
    assert slept == []


def test_an_answer_without_end_is_refused(firecrawl, read):
    firecrawl.script = [(200, {}, b" " * 300_000)]
    with pytest.raises(Fatal, match="over 100,000 bytes"):
        read(max_record=100_000)


def test_progress_counts_the_bytes_of_answers(firecrawl):
    options = ReadOptions(firecrawl_url=firecrawl.url)
    source = open_source([SOURCE], options)
    assert source.progress() == (0, None)
    assert len(list(source.records(Position()))) == 8
    done, total = source.progress()
    pages = [path for path, _ in firecrawl.asked if "skip" in path]
    assert done == sum(len(firecrawl.answer(path)[2]) for path in pages)
    assert total is None
