"""Every shape in which Firecrawl's pages reach a disk, told apart by content alone.

A JSON value is walked from the outside in, through envelopes (API answers, webhooks, SDK dumps,
MCP results), until pages are found; what holds none by nature is named (`NoDocument`), and
what nobody knows becomes a dead letter that lists its keys. The order of the checks matters: a
page may hold members that look like an envelope's, so pages come first; an event may carry
anything, so events come before envelopes.

Sources: Firecrawl's OpenAPI (v0, v1, v2), firecrawl-cli, firecrawl-py, LangChain and LlamaIndex
readers, and files of real users.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pulse_cli.model import NoDocument, Unreadable
from pulse_cli.read.firecrawl.dead_letters import is_dead_letter, reopened
from pulse_cli.read.firecrawl.document import Pages
from pulse_cli.read.firecrawl.notes import envelope_hints
from pulse_cli.read.framing.json_span import Content, EnvelopeContext, Hint, Raw
from pulse_cli.read.framing.parse import Unparsable, parse
from pulse_cli.read.options import ReadOptions

WRAPPERS = frozenset(
    {
        "payload", "result", "response", "body",
        "data", "partial_data", "documents", "pages", "results", "items",
        "web", "news", "images",
    }
)  # fmt: skip
"""Members in which envelopes hold pages."""

DEPTH = 8
"""Envelopes within envelopes; deeper ones are nobody's."""

_EVENT = re.compile(r"(?:crawl|batch_scrape|extract|agent|monitor)\.[a-z_.]+\Z")
_CLOSED = re.compile(
    rb'"(?:markdown|html|rawHtml|raw_html|page_content|pageNumber|pulse_dead)"\s*+:'
    rb'|"type"\s*+:\s*+"(?:crawl|batch_scrape|extract|agent|monitor)\.(?!page")'
)
_SUCCESS = re.compile(rb'"success"\s*+:\s*+true')
_JSON = re.compile(r"\s*[{\[]")


class Shapes:
    """Interprets values (`json_span.Interpreter`)."""

    def __init__(self, options: ReadOptions) -> None:
        self._pages = Pages(options)
        mapped = {path.split(".")[0] for path in options.field_map.values()}
        self.wrappers = WRAPPERS - mapped
        self.closed = _CLOSED
        self.success = _SUCCESS

    def contents(
        self, value: Any, raw: Raw, around: EnvelopeContext = EnvelopeContext.NOTHING
    ) -> list[Content | Hint]:
        return list(self._walk(value, raw, around, 0))

    def envelope(self, value: Any, found: int) -> list[Content | Hint]:
        if found or not isinstance(value, dict):
            return envelope_hints(value, found)
        return list(self._object(value, b"", EnvelopeContext.NOTHING, 0))

    def markdown(self, text: str, url: str | None) -> Content:
        """A page of raw markdown at this address."""
        return self._pages.page({"markdown": text, "url": url}, b"")

    def _walk(
        self, value: Any, raw: Raw, around: EnvelopeContext, depth: int
    ) -> Iterator[Content | Hint]:
        if depth > DEPTH:
            yield self._unknown(value, raw)
        elif around is not EnvelopeContext.NOTHING and not value:
            return
        elif isinstance(value, list):
            for item in value:
                yield from self._walk(item, raw, EnvelopeContext.NOTHING, depth + 1)
            if not value:
                yield NoDocument("empty-response")
        elif isinstance(value, dict):
            yield from self._object(value, raw, around, depth)
        else:
            yield self._unknown(value, raw)

    def _object(
        self, value: dict[str, Any], raw: Raw, around: EnvelopeContext, depth: int
    ) -> Iterator[Content | Hint]:
        if self._pages.certainly(value):
            yield self._pages.page(value, raw)
        elif is_dead_letter(value):
            yield from self._letter(value, raw, depth)
        elif (texts := _text_blocks(value)) is not None:
            for text in texts:
                yield from self._text(text, raw, depth)
        elif isinstance(kind := value.get("type"), str) and _EVENT.match(kind):
            yield from self._event(value, kind, raw, depth)
        elif isinstance(arguments := value.get("kwargs"), dict) and "page_content" in arguments:
            yield self._pages.page(arguments, raw)
        elif self._pages.probably(value):
            yield self._pages.page(value, raw)
        elif inner := self._inner(value):
            yield from self._envelope(value, inner, raw, depth)
        else:
            yield from self._without_pages(value, raw, around)

    def _inner(self, value: dict[str, Any]) -> list[Any]:
        return [
            member
            for key, member in value.items()
            if key in self.wrappers and isinstance(member, dict | list) and member
        ]

    def _envelope(
        self, value: dict[str, Any], inner: list[Any], raw: Raw, depth: int
    ) -> Iterator[Content | Hint]:
        found = 0
        around = (
            EnvelopeContext.SUCCESS if value.get("success") is True else EnvelopeContext.ENVELOPE
        )
        for member in inner:
            for content in self._walk(member, raw, around, depth + 1):
                found += 1
                yield content
        yield from envelope_hints(value, found)

    def _event(
        self, value: dict[str, Any], kind: str, raw: Raw, depth: int
    ) -> Iterator[Content | Hint]:
        data = value.get("data")
        if kind.endswith(".page") and data and isinstance(data, dict | list):
            yield from self._walk(data, raw, EnvelopeContext.NOTHING, depth + 1)
        elif kind.endswith(".page") and value.get("success") is False:
            yield NoDocument("failed-scrape")
        else:
            yield NoDocument("event-without-page")

    def _letter(self, value: dict[str, Any], raw: Raw, depth: int) -> Iterator[Content | Hint]:
        for piece in reopened(value):
            if isinstance(piece, Unreadable):
                yield piece
            else:
                yield from self._walk(
                    piece.value, piece.raw or raw, EnvelopeContext.NOTHING, depth + 1
                )

    def _text(self, text: str, raw: Raw, depth: int) -> Iterator[Content | Hint]:
        """The text of an MCP result: JSON as a string, else markdown of an unknown page."""
        if _JSON.match(text):
            try:
                inner = parse(text.encode(errors="replace"))
            except Unparsable:
                pass
            else:
                yield from self._walk(inner, raw, EnvelopeContext.NOTHING, depth + 1)
                return
        yield self._pages.page({"markdown": text}, raw)

    def _without_pages(
        self, value: dict[str, Any], raw: Raw, around: EnvelopeContext
    ) -> Iterator[Content | Hint]:
        if value.get("success") is False or value.get("error"):
            yield NoDocument("failed-scrape")
            yield Hint(f"Firecrawl reported an error: {_sentence(value)}")
        elif isinstance(value.get("links"), list) and "metadata" not in value:
            yield NoDocument("map-output")
            yield Hint("this is the output of map: addresses without pages; crawl or scrape them")
        elif "errors" in value and "robotsBlocked" in value:
            yield NoDocument("error-list")
        elif self._pages.possibly(value):
            yield self._pages.page(value, raw)
        elif self.wrappers & value.keys():
            yield NoDocument("empty-response")
            yield from envelope_hints(value, 0)
        elif _is_job(value):
            yield NoDocument("job-handle")
            yield Hint(f"this is the handle of a job, not its result; {_fetch(value)}")
        elif "imageUrl" in value or _is_hit(value):
            yield NoDocument("search-hit-without-text")
        elif "metadata" in value or around is EnvelopeContext.SUCCESS:
            extracted = around is EnvelopeContext.SUCCESS or "json" in value
            yield NoDocument("extract-only" if extracted else "without-text")
            yield Hint("there is extracted data but no page text; scrape with formats: markdown")
        else:
            yield self._unknown(value, raw)

    def _unknown(self, value: Any, raw: Raw) -> Content:
        if isinstance(value, dict):
            keys = ", ".join(repr(key[:40]) for key in list(value)[:12])
            detail = f"not a shape of Firecrawl; its keys: {keys or 'none'}"
        else:
            detail = f"not a document but {_kind(value)}"
        return self._pages.unreadable("unknown-shape", detail, value, raw)


def _text_blocks(value: dict[str, Any]) -> list[str] | None:
    """The texts of an MCP result (`{"content": [{"type": "text", ...}]}`) or of one block."""
    if value.get("type") == "text" and isinstance(value.get("text"), str) and "url" not in value:
        return [value["text"]]
    blocks = value.get("content")
    if not isinstance(blocks, list):
        return None
    texts = [
        block["text"]
        for block in blocks
        if isinstance(block, dict)
        and block.get("type") == "text"
        and isinstance(block.get("text"), str)
    ]
    return texts or None


def _is_job(value: dict[str, Any]) -> bool:
    if "jobId" in value:
        return True
    return "id" in value and ("status" in value or {"success", "url"} <= value.keys())


def _is_hit(value: dict[str, Any]) -> bool:
    return isinstance(value.get("url"), str) and bool(
        {"title", "description", "snippet", "position"} & value.keys()
    )


def _fetch(value: dict[str, Any]) -> str:
    job = value.get("jobId") or value.get("id")
    named = isinstance(job, str) and re.fullmatch(r"[\w-]{1,64}", job)
    if named and "/batch/" not in str(value.get("url")):
        return f"fetch it with: pulse index firecrawl:crawl/{job}"
    return "fetch the result first"


def _sentence(value: dict[str, Any]) -> str:
    for key in ("error", "reason", "message"):
        if isinstance(text := value.get(key), str):
            return text[:200]
    return "without a message"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "a list")
