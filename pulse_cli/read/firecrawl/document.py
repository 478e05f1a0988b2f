"""From a page as Firecrawl wrote it to a Document, a skip, or a dead letter.

Titles and descriptions cannot carry terminal escapes: control characters in them become spaces,
in URLs percent-escapes (`address`). The text keeps its lines; NUL in it becomes U+FFFD.
Everything but the text is dropped here, before anything waits.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from pulse_cli.model import Document, NoDocument, Unreadable
from pulse_cli.read.firecrawl import fields
from pulse_cli.read.firecrawl.address import cleaned, problem
from pulse_cli.read.firecrawl.fields import Fields
from pulse_cli.read.firecrawl.filters import Filters
from pulse_cli.read.framing.json_span import CappedBuffer, Content, Raw
from pulse_cli.read.options import ReadOptions

LONGEST_TITLE = 1024
LONGEST_DESCRIPTION = 4096
LONGEST_CODE = 64

_CERTAIN = ("markdown", "html", "rawHtml", "raw_html")
_TEXTS = ("markdown", "content", "text", "page_content")
_HTMLS = ("html", "rawHtml", "raw_html")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_HEADING = re.compile(r"^# +(\S.*)$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_NO_URL = ("no-url", "it has no URL (metadata.url, metadata.sourceURL, url)")


class Pages:
    """Builds documents as the options say."""

    def __init__(self, options: ReadOptions) -> None:
        self._fields = Fields(options.field_map)
        self._mapped = "text" in options.field_map
        self._filters = Filters(options)

    def certainly(self, value: dict[str, Any]) -> bool:
        """Whether this is a page: it has page text, or the mapped text."""
        for key in _CERTAIN:
            if value.get(key) is not None:
                return True
        return self._mapped and isinstance(self._fields.mapped(value, "text"), str)

    def probably(self, value: dict[str, Any]) -> bool:
        """The same for home-made records: text under a general name, and an address."""
        if not self.possibly(value):
            return False
        return (
            "page_content" in value
            or isinstance(value.get("metadata"), dict)
            or isinstance(value.get("url"), str)
            or isinstance(value.get("resolvedUrl"), str)
        )

    def possibly(self, value: dict[str, Any]) -> bool:
        """Text under a general name, and nothing more to tell."""
        return any(isinstance(value.get(key), str) for key in _TEXTS) or _resource(value) != ""

    def page(self, page: dict[str, Any], raw: Raw) -> Content:
        """The page as what it is to pulse; `raw` are the bytes it came from."""
        metadata = page.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        url, refusal = self._url(page, metadata)
        skipped = self._filters.status(self._fields.status(page, metadata), url)
        if skipped := skipped or self._filters.kind(metadata, url):
            return skipped
        text = self._text(page)
        if text is None:
            return self._without_text(page, raw, url)
        if skipped := self._filters.text(text, url):
            return skipped
        if url is None:
            return self.unreadable(*refusal, page, raw)
        return self._filters.url(url) or self._document(page, metadata, url, text)

    def unreadable(
        self, reason: str, detail: str, value: Any, raw: Raw, url: str | None = None
    ) -> Unreadable:
        """A dead letter that keeps the value, if it can be written as JSON again; else its bytes.

        Nesting may be too deep for that, though not for reading; null is no value to keep.
        """
        try:
            orjson.dumps(value)
        except (TypeError, ValueError, RecursionError):
            value = None
        if value is None:
            return CappedBuffer.of(raw).unreadable(reason, detail)
        return Unreadable(reason, detail, url, record=value)

    def _document(
        self, page: dict[str, Any], metadata: dict[str, Any], url: str, text: str
    ) -> Document:
        take = self._fields
        title = take.string("title", fields.TITLE, page, metadata)
        description = take.joined("description", fields.DESCRIPTION, page, metadata)
        language = take.string("language", fields.LANGUAGE, page, metadata)
        country = take.string("country", fields.COUNTRY, page, metadata)
        source = take.string("source_url", fields.SOURCE_URL, page, metadata)
        if source is not None and source != url:
            source = cleaned(source)
            source = None if problem(source) else source
        return Document(
            url=url,
            text=text.replace("\x00", "\ufffd") if "\x00" in text else text,
            source_url=source,
            title=_line(title, LONGEST_TITLE) or _heading(text),
            description=_line(description, LONGEST_DESCRIPTION),
            language=_line(language, LONGEST_CODE),
            country=_line(country, LONGEST_CODE),
            is_mobile=take.boolean("is_mobile", fields.MOBILE, page, metadata),
        )

    def _text(self, page: dict[str, Any]) -> str | None:
        """The page text: the first that is not blank, else "" if there is one, else None."""
        found = None
        candidates = [page.get(key) for key in _TEXTS]
        if self._mapped:
            candidates.insert(0, self._fields.mapped(page, "text"))
        for candidate in (*candidates, _resource(page) or None):
            if isinstance(candidate, str):
                if candidate and not candidate.isspace():
                    return candidate
                found = ""
        for key in _HTMLS:
            if isinstance(html := page.get(key), str):
                from pulse_cli.read.firecrawl.html import markdown_of

                if text := markdown_of(html):
                    return text
                found = ""
        return found

    def _without_text(self, page: dict[str, Any], raw: Raw, url: str | None) -> Content:
        for key in (*_CERTAIN, *_TEXTS):
            if page.get(key) is not None:
                detail = f"its {key} is not a string"
                return self.unreadable("wrong-type", detail, page, raw, url)
        return NoDocument("extract-only" if page.get("json") is not None else "without-text")

    def _url(
        self, page: dict[str, Any], metadata: dict[str, Any]
    ) -> tuple[str | None, tuple[str, str]]:
        """The first address that is one; else why there is none (reason, detail)."""
        refusal = _NO_URL
        for candidate in self._fields.strings("url", fields.URL, page, metadata):
            address = cleaned(candidate)
            why = problem(address)
            if why is None:
                return address, refusal
            if refusal is _NO_URL:
                refusal = ("bad-url", why)
        return None, refusal


def _resource(page: dict[str, Any]) -> str:
    """LlamaIndex keeps the text in a resource."""
    resource = page.get("text_resource")
    text = resource.get("text") if isinstance(resource, dict) else None
    return text if isinstance(text, str) else ""


def _line(text: str | None, longest: int) -> str | None:
    """The text on one line: as it is, unless it holds control characters or is too long."""
    if text is None:
        return None
    if not text.isprintable():
        text = _CONTROL.sub(" ", text).strip()
    return text[:longest] or None


def _heading(text: str) -> str | None:
    """The first level-1 heading near the beginning, outside code fences, without its links."""
    head = text[:65536]
    for match in _HEADING.finditer(head):
        if head.count("```", 0, match.start()) % 2 == 0:
            plain = _LINK.sub(r"\1", match[1][: 4 * LONGEST_TITLE]).rstrip(" #")
            return _line(plain, LONGEST_TITLE)
    return None
