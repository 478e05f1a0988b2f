"""Readers on bytes given by a test, and small samples of every shape there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.model import Input, Position, Record
from pulse_cli.read import ReadOptions
from pulse_cli.read.firecrawl.file_address import Addresses
from pulse_cli.read.source import InputSource


def page(n: int, **more: Any) -> dict[str, Any]:
    """A document as the API gives it."""
    metadata = {
        "title": f"Title {n}",
        "description": f"About {n}",
        "language": "en",
        "sourceURL": f"http://example.org/{n}",
        "url": f"https://example.org/{n}/",
        "statusCode": 200,
        "og:title": ["a", "b"],
        "favicon": {},
    }
    return {
        "markdown": f'# Heading {n}\n\nText of page {n}, 日本 "quoted" {{[\n',
        "metadata": metadata,
        **more,
    }


def dumps(value: Any, **options: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, **options).encode()


def lines(*values: Any) -> bytes:
    return b"".join(dumps(value) + b"\n" for value in values)


def _crawl(**more: Any) -> dict[str, Any]:
    return {
        "success": True,
        "status": "completed",
        "completed": 3,
        "total": 3,
        "expiresAt": "2026-05-16T14:53:42.000Z",
        "data": [page(1), page(2), page(3)],
        **more,
    }


def _flat(n: int, key: str) -> dict[str, Any]:
    return {"url": f"https://example.org/{n}/", "title": f"Title {n}", key: f"Text of page {n}"}


def _langchain(n: int) -> dict[str, Any]:
    return {"page_content": page(n)["markdown"], "metadata": page(n)["metadata"]}


def _snake(n: int) -> dict[str, Any]:
    metadata = {
        "title": f"Title {n}",
        "url": f"https://example.org/{n}/",
        "source_url": f"http://example.org/{n}",
        "status_code": 200,
        "og_title": None,
    }
    return {
        "markdown": f"Text {n}",
        "html": None,
        "raw_html": None,
        "json": None,
        "metadata": metadata,
    }


def _event(kind: str, data: Any, **more: Any) -> dict[str, Any]:
    return {"success": True, "type": kind, "id": "5f", "data": data, "metadata": {}, **more}


def _mcp(value: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": json.dumps(value)}]}


def _chunks(n: int) -> list[dict[str, Any]]:
    """A page that LangChain cut into two."""
    starts = enumerate((f"First part of page {n}.", f"Second part of page {n}."))
    metadata = {"source": f"https://example.org/{n}/"}
    return [
        {"page_content": text, "metadata": {**metadata, "start_index": 30 * number}}
        for number, text in starts
    ]


PRETTY = b"\n".join(dumps(page(n), indent=2) for n in (1, 2, 3)) + b"\n"

SAMPLES: dict[str, bytes] = {
    "document_per_line.jsonl": lines(page(1), page(2), page(3)),
    "snake_case_per_line.jsonl": lines(_snake(1), _snake(2), _snake(3)),
    "response_per_line.jsonl": lines(*({"success": True, "data": page(n)} for n in (1, 2, 3))),
    "status_pages.jsonl": lines(
        _crawl(next="https://api.firecrawl.dev/v2/crawl/5f?skip=3"),
        _crawl(data=[page(4)], next=None),
    ),
    "payload.jsonl": lines({"status_code": 200, "payload": {"success": True, "data": page(1)}}),
    "crawl.json": dumps(_crawl()),
    "crawl_pretty.json": dumps(_crawl(), indent=2),
    "cli_crawl.json": dumps({"id": "5f", "status": "completed", "next": None, "data": [page(1)]}),
    "scrape.json": dumps({"success": True, "data": page(1)}),
    "document.json": dumps(page(1), indent=2),
    "array.json": dumps([page(1), page(2)], indent=2),
    "array_per_line.json": b"[\n" + b",\n".join(dumps(page(n)) for n in (1, 2, 3)) + b"\n]\n",
    "concatenated.json": dumps(page(1)) + dumps(page(2)) + dumps([page(3), page(4)]),
    "pretty_stream.json": PRETTY,
    "pretty_stream_named_lines.jsonl": PRETTY,
    "one_object_named_lines.jsonl": dumps(_crawl()),
    "lines_named_json.json": lines(page(1), page(2)),
    "flat_content.jsonl": lines(_flat(1, "content"), _flat(2, "content")),
    "flat_markdown.jsonl": lines(_flat(1, "markdown"), _flat(2, "markdown")),
    "flat_text.jsonl": lines(_flat(1, "text"), _flat(2, "text")),
    "langchain.jsonl": lines(_langchain(1), {**_langchain(2), "type": "Document"}),
    "langchain_serialized.jsonl": lines(
        {"lc": 1, "type": "constructor", "id": ["langchain"], "kwargs": _langchain(1)}
    ),
    "llamaindex.jsonl": lines(
        {"id_": "1", "text": "Text 1", "metadata": page(1)["metadata"]},
        {"id_": "2", "text_resource": {"text": "Text 2"}, "metadata": page(2)["metadata"]},
    ),
    "index_request.jsonl": lines(
        {**_flat(1, "markdown"), "resolvedUrl": "http://example.org/1", "html": "<p>x"}
    ),
    "v0_status.json": dumps(
        {"status": "active", "current": 1, "total": 2, "data": None,
         "partial_data": [{"content": "Text", "metadata": page(1)["metadata"]}]}
    ),
    "search_v1.json": dumps(
        {"success": True, "data": [{**page(1), "url": "https://example.org/1/"},
                                   {"url": "https://example.org/9", "title": "t"}]}
    ),
    "search_v2.json": dumps(
        {"success": True, "data": {
            "web": [{**page(1), "position": 1}, {"url": "https://example.org/9", "title": "t"}],
            "news": [{"title": "n", "url": "https://example.org/n", "snippet": "s"}],
            "images": [{"title": "i", "imageUrl": "https://example.org/i.png"}]}}
    ),
    "webhooks.jsonl": lines(
        _event("crawl.started", []),
        _event("crawl.page", [page(1)]),
        _event("batch_scrape.page", [page(2)]),
        _event("crawl.page", [], success=False, error="timed out"),
        _event("crawl.completed", []),
    ),
    "mcp.json": dumps(_mcp(page(1)), indent=2),
    "mcp_search.json": dumps(_mcp({"success": True, "data": {"web": [page(1), page(2)]}})),
    "html_only.jsonl": lines(
        {"html": "<h1>One</h1><p>Text</p>", "metadata": page(1)["metadata"]},
        {"rawHtml": "<h1>Two</h1><p>Text</p>", "metadata": page(2)["metadata"]},
    ),
    "map.json": dumps({"success": True, "data": {"links": [{"url": "https://example.org/1"}]}}),
    "map_v1.json": dumps({"success": True, "links": ["https://example.org/1"]}),
    "job.json": dumps({"success": True, "id": "5f", "url": "https://api.firecrawl.dev/v2/crawl/5f"}),
    "extract.json": dumps({"success": True, "data": {"company": "Example", "founded": 1999}}),
    "json_only.jsonl": lines({"json": {"price": 3}, "metadata": page(1)["metadata"]}),
    "wrapped_unknown.json": dumps({"success": True, "data": [{"unknown": 1}, {"x": 2}]}),
    "errors.json": dumps({"errors": [{"id": "1", "error": "x"}], "robotsBlocked": []}),
    "mixed.jsonl": b"\xef\xbb\xbf" + dumps(page(1)) + b"\r\n\r\n"
    + lines({"error": True, "product_url": "https://example.org/2", "reason": "blocked"})
    + b"{\"markdown\": broken}\n" + dumps(page(3)) + dumps(page(4)) + b"\n"
    + dumps(_crawl()) + b"\n" + dumps({"unknown": 1}) + b"\n" + dumps(page(5)),
    "chunks.jsonl": lines(page(1), *_chunks(2), page(3), *_chunks(4), *_chunks(5)),
    "chunks.json": dumps([*_chunks(2), page(3), *_chunks(4)], indent=1),
    "image_addresses.json": dumps(
        {"success": True, "data": [{"images": ["https://example.org/i.png"] * 3,
                                    "metadata": page(1)["metadata"]}, page(2)]}
    ),
    "crawl_ended_v0.jsonl": lines(_event("crawl.completed", [page(1), page(2)])),
    "crawl_cut.json": dumps(_crawl())[:-150],
    "lines_cut.jsonl": lines(page(1), page(2))[:-40],
    "damaged_middle.json": dumps(_crawl()).replace(b', {"markdown": "# Heading 3', b', ;{"a": "'),
    "pretty_broken.json": PRETTY.replace(b'"Title 2"', b'"Title 2'),
    "dead_letters.jsonl": lines(
        {"pulse_dead": 1, "source": "x", "line": 3, "reason": "no-url", "record": page(1)},
        {"pulse_dead": 1, "source": "x", "reason": "invalid-json", "raw_base64": "eyJhIjo="},
        {"pulse_dead": 1, "source": "x", "reason": "too-long", "excerpt": "{..."},
    ),
}  # fmt: skip


class Reader:
    """Opens sources on files in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    def source(
        self,
        data: bytes | dict[str, bytes],
        name: str = "x.jsonl",
        window: int = 1 << 20,
        **options: Any,
    ) -> InputSource:
        files = data if isinstance(data, dict) else {name: data}
        inputs = [Input(self.write(file, content), len(content)) for file, content in files.items()]
        names = [one.name for one in inputs]
        addresses = Addresses(names, options.get("base_url"), names)
        return InputSource(inputs, (), addresses, ReadOptions(**options), window=window)

    def read(
        self, data: bytes | dict[str, bytes], name: str = "x.jsonl", **options: Any
    ) -> list[Record]:
        return list(self.source(data, name, **options).records(Position()))

    def contents(self, data: bytes, name: str = "x.jsonl", **options: Any) -> list[Any]:
        return [record.content for record in self.read(data, name, **options)]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture(scope="session")
def samples() -> dict[str, bytes]:
    return SAMPLES


@pytest.fixture(params=sorted(SAMPLES))
def sample(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    """Each sample: (name, bytes)."""
    return request.param, SAMPLES[request.param]


@pytest.fixture(scope="session")
def make_page() -> Callable[..., dict[str, Any]]:
    return page
