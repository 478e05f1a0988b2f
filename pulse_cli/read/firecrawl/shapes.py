"""Finds the pages in a JSON value of any shape in which Firecrawl's pages are stored.

The shape is recognised by content alone. A value is searched from the outside in, through
envelopes (API answers, webhooks, SDK dumps, MCP results), until pages are found. A value that
certainly holds no page becomes a `NoDocument`. Any other record becomes a dead letter that lists
its keys, so no record that may hold text is lost unnoticed (`members`).

The order of the checks matters. A page may hold members that look like those of an envelope, so
pages are checked first. An event may hold anything, so events are checked before envelopes.

Sources: Firecrawl's OpenAPI (v0, v1, v2), firecrawl-cli, firecrawl-py, LangChain and LlamaIndex
readers, and files of real users.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pulse_cli.model import Document, NoDocument, Skipped, Unreadable
from pulse_cli.read.firecrawl import no_page
from pulse_cli.read.firecrawl.dead_letters import is_dead_letter, reopened
from pulse_cli.read.firecrawl.document import Pages
from pulse_cli.read.firecrawl.file_address import FileAddress
from pulse_cli.read.firecrawl.members import is_address, possible_texts
from pulse_cli.read.firecrawl.notes import envelope_hints
from pulse_cli.read.firecrawl.texts import json_in
from pulse_cli.read.framing.json_span import Content, EnvelopeContext, Hint, Raw
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
"""How deep envelopes within envelopes are searched."""

_EVENT = re.compile(r"(crawl|batch_scrape|extract|agent|monitor)\.[a-z_.]+\Z")
_CLOSED = re.compile(
    rb'"(?:markdown|html|rawHtml|raw_html|page_content|pageNumber|pulse_dead)"\s*+:'
    rb'|"type"\s*+:\s*+"(?:extract|agent|monitor)\.(?!page)'
)
_SUCCESS = re.compile(rb'"success"\s*+:\s*+true')
_NOTHING = EnvelopeContext.NOTHING


class Shapes:
    """Interprets values (`json_span.Interpreter`)."""

    def __init__(self, options: ReadOptions) -> None:
        self._pages = Pages(options)
        mapped = {path.split(".")[0] for path in options.field_map.values()}
        self._wrappers = WRAPPERS - mapped
        self.wrappers = self._wrappers - {
            "images"
        }  # in a page, `images` are addresses and not pages
        self.closed = _CLOSED
        self.success = _SUCCESS

    def of_file(self, file: FileAddress | None) -> Shapes:
        """A copy for the values of one input, for which the user gave this address."""
        if file is None:
            return self
        shapes = copy.copy(self)
        shapes._pages = self._pages.of_file(file)
        return shapes

    def contents(
        self, value: Any, raw: Raw, context: EnvelopeContext = _NOTHING
    ) -> list[Content | Hint]:
        return list(self._walk(value, raw, context, 0))

    def envelope(self, value: Any, found: int, records: int) -> list[Content | Hint]:
        """See `json_span.Interpreter`."""
        if not isinstance(value, dict):
            return []
        if not found:
            return list(self._object(value, b"", _NOTHING, 0))
        return list(self._envelope(value, b"", _NOTHING, 0, found, records))

    def markdown(self, text: str, address: FileAddress | None) -> Content:
        """A page of raw markdown at this address, unless its front matter names another."""
        return self._pages.markdown(text, address)

    def html(self, html: str, address: FileAddress | None) -> Content:
        """A page of HTML at the address that it names, else at this one."""
        return self._pages.html(html, address)

    def _walk(
        self, value: Any, raw: Raw, context: EnvelopeContext, depth: int
    ) -> Iterator[Content | Hint]:
        if depth > DEPTH:
            yield self._unknown(value, raw)
        elif context is not _NOTHING and not value:
            return
        elif isinstance(value, list):
            for item in value:
                yield from self._walk(item, raw, _NOTHING, depth + 1)
            if not value:
                yield NoDocument("empty-response")
        elif isinstance(value, dict):
            yield from self._object(value, raw, context, depth)
        elif isinstance(value, str) and is_address(value):
            yield no_page.MAP_OUTPUT
        else:
            yield self._unknown(value, raw)

    def _object(
        self, value: dict[str, Any], raw: Raw, context: EnvelopeContext, depth: int
    ) -> Iterator[Content | Hint]:
        if self._pages.is_page(value):
            yield self._pages.page(value, raw)
        elif is_dead_letter(value):
            yield from self._dead_letter(value, raw, depth)
        elif (texts := _text_blocks(value)) is not None:
            yield from self._tool_result(value, texts, raw, depth)
        elif isinstance(kind := value.get("type"), str) and (event := _EVENT.match(kind)):
            yield from self._event(value, event, raw, depth)
        elif isinstance(arguments := value.get("kwargs"), dict) and "page_content" in arguments:
            yield self._pages.page(arguments, raw)
        elif self._pages.has_text_and_address(value):
            yield self._pages.page(value, raw)
        else:
            yield from self._envelope(value, raw, context, depth)

    def _envelope(
        self,
        value: dict[str, Any],
        raw: Raw,
        context: EnvelopeContext,
        depth: int,
        found: int = 0,
        records: int = 0,
    ) -> Iterator[Content | Hint]:
        """The contents of the members of an envelope; `found` contents were given before.

        If none of them is a record, the object itself may be a record with a member named like that
        of an envelope. Then it is read, or reported, as a record.
        """
        own = EnvelopeContext.SUCCESS if value.get("success") is True else EnvelopeContext.ENVELOPE
        for member in self._members(value):
            for content in self._walk(member, raw, own, depth + 1):
                found += 1
                records += isinstance(content, Document | Skipped | Unreadable)
                yield content
        if not found:
            yield from self._without_pages(value, raw, context)
        elif self._pages.is_page(value) or self._pages.has_text_and_address(value):
            yield self._pages.page(value, raw)
        elif not records and _is_record(value, self._wrappers):
            yield self._unknown(value, raw)
        if found or self._wrappers & value.keys():
            yield from envelope_hints(value, found)

    def _members(self, value: dict[str, Any]) -> Iterator[Any]:
        """The members in which pages may be: objects, lists of them, and strings of JSON."""
        for key, member in value.items():
            if key not in self._wrappers or not member:
                continue
            if isinstance(member, str):
                member = json_in(member)
            if isinstance(member, list) and not any(isinstance(one, dict | list) for one in member):
                continue
            if isinstance(member, dict):
                yield self._pages.addressed(member, value)
            elif isinstance(member, list):
                yield member

    def _event(
        self, value: dict[str, Any], event: re.Match[str], raw: Raw, depth: int
    ) -> Iterator[Content | Hint]:
        """A webhook event. Its data are read for every type: v0 sends all pages at the end."""
        data = value.get("data")
        if data and isinstance(data, dict | list):
            contents = self._walk(data, raw, _NOTHING, depth + 1)
            if event[1] in ("crawl", "batch_scrape") or event[0].endswith(".page"):
                yield from contents
                return
            pages = [one for one in contents if isinstance(one, Document | Skipped)]
            yield from pages
            if not pages:
                yield NoDocument("event-without-page")
        elif event[0].endswith(".page") and value.get("success") is False:
            yield no_page.failure(value)
        else:
            yield NoDocument("event-without-page")

    def _dead_letter(self, value: dict[str, Any], raw: Raw, depth: int) -> Iterator[Content | Hint]:
        for piece in reopened(value):
            if isinstance(piece, Unreadable):
                yield piece
            else:
                yield from self._walk(piece.value, piece.raw or raw, _NOTHING, depth + 1)

    def _tool_result(
        self, value: dict[str, Any], texts: Iterable[str], raw: Raw, depth: int
    ) -> Iterator[Content | Hint]:
        """The texts of an MCP result: each is JSON, or else markdown of an unknown page."""
        for text in texts:
            if (inner := json_in(text)) is not None:
                yield from self._walk(inner, raw, _NOTHING, depth + 1)
            elif value.get("isError") is True:
                yield no_page.failure({"error": text})
            else:
                yield self._pages.page({"markdown": text}, raw)

    def _without_pages(
        self, value: dict[str, Any], raw: Raw, context: EnvelopeContext
    ) -> Iterator[Content | Hint]:
        if (found := no_page.no_document(value, self._wrappers, context)) is not None:
            yield found
        elif self._pages.has_text(value):
            yield self._pages.page(value, raw)
        else:
            yield self._unknown(value, raw)

    def _unknown(self, value: Any, raw: Raw) -> Content:
        if isinstance(value, dict):
            return self._pages.unknown(value, raw)
        detail = f"not a document but {_kind(value)}"
        return self._pages.unreadable("unknown-shape", detail, value, raw)


def _is_record(value: dict[str, Any], wrappers: frozenset[str]) -> bool:
    """Whether an object has an address and may have a text of its own, besides these members."""
    own = {key: member for key, member in value.items() if key not in wrappers}
    addressed = any(isinstance(one, str) and is_address(one) for one in own.values())
    return addressed and bool(possible_texts(own))


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


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "a list")
