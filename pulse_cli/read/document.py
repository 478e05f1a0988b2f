"""From a page as Firecrawl wrote it to a Document, a skip, or a dead letter.

Real metadata is wild: any key may be a string, a list or an object (a repeated meta tag
becomes a list, `favicon` an object), so every field is taken by type, never by trust.
Titles, descriptions and URLs cannot carry terminal escapes: control characters in them become
spaces, in URLs percent-escapes. Everything but the text is dropped here, before anything waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from pulse_cli.model import Document, NoDocument, Unreadable
from pulse_cli.read.filters import Filters
from pulse_cli.read.frame import EXCERPT, Content, Raw
from pulse_cli.read.options import ReadOptions

LONGEST_URL = 8192
LONGEST_TITLE = 1024
LONGEST_DESCRIPTION = 4096

_CERTAIN = ("markdown", "html", "rawHtml", "raw_html")
_TEXTS = ("markdown", "content", "text", "page_content")
_HTMLS = ("html", "rawHtml", "raw_html")
_URLS = (
    ("metadata", "url"),
    ("metadata", "sourceURL"),
    ("metadata", "source_url"),
    ("", "url"),
    ("metadata", "source"),
    ("metadata", "ogUrl"),
    ("metadata", "og_url"),
    ("metadata", "og:url"),
)
_SOURCE_URLS = (("metadata", "sourceURL"), ("metadata", "source_url"), ("", "resolvedUrl"))
_TITLES = (
    ("metadata", "title"),
    ("", "title"),
    ("metadata", "ogTitle"),
    ("metadata", "og_title"),
    ("metadata", "og:title"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_UNSEEN = str.maketrans("", "", "\t\r\n")  # as browsers do (WHATWG URL, 4.4)
_HEADING = re.compile(r"^# +(\S.*)$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_SCHEMES = ("http", "https", "file")


class Pages:
    """Builds documents as the options say."""

    def __init__(self, options: ReadOptions) -> None:
        self._map = {name: path.split(".") for name, path in options.field_map.items()}
        self._filters = Filters(options)

    def certainly(self, value: dict[str, Any]) -> bool:
        """Whether this is a page: it has page text, or the mapped text."""
        for key in _CERTAIN:
            if value.get(key) is not None:
                return True
        return bool(self._map) and isinstance(self._mapped(value, "text"), str)

    def probably(self, value: dict[str, Any]) -> bool:
        """The same for home-made records: text under a general name, and an address."""
        if not self.possibly(value):
            return False
        return "page_content" in value or isinstance(value.get("metadata"), dict) or (
            any(isinstance(value.get(key), str) for key in ("url", "resolvedUrl"))
        )  # fmt: skip

    def possibly(self, value: dict[str, Any]) -> bool:
        """Text under a general name, and nothing more to tell."""
        if any(isinstance(value.get(key), str) for key in _TEXTS):
            return True
        return isinstance(_resource(value), str)

    def page(self, page: dict[str, Any], raw: Raw) -> Content:
        """The page as what it is to pulse; `raw` are the bytes it came from."""
        metadata = page.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        status = self._status(page, metadata)
        url, refusal = self._url(page, metadata)
        if skipped := self._filters.status(status, url):
            return skipped
        if skipped := self._filters.kind(metadata, url):
            return skipped
        text = self._text(page)
        if text is None:
            return self._wrong_type(page, raw)
        if skipped := self._filters.text(text, url):
            return skipped
        if url is None:
            return self.unreadable(refusal[0], refusal[1], page, raw)
        if skipped := self._filters.url(url):
            return skipped
        return self._document(page, metadata, url, text)

    def unreadable(self, reason: str, detail: str, value: Any, raw: Raw) -> Unreadable:
        """A dead letter that keeps the value, if it can be written as JSON again."""
        try:
            orjson.dumps(value)
        except (TypeError, ValueError, RecursionError):
            if len(raw) > EXCERPT:
                excerpt = bytes(raw[:EXCERPT]).decode(errors="replace")
                return Unreadable(reason, detail, excerpt=excerpt)
            return Unreadable(reason, detail, raw=bytes(raw))
        return Unreadable(reason, detail, record=value)

    def _document(
        self, page: dict[str, Any], metadata: dict[str, Any], url: str, text: str
    ) -> Document:
        title = self._mapped_text(page, "title") or _first(_TITLES, page, metadata)
        description = self._mapped_text(page, "description") or _joined(
            metadata.get("description") or page.get("description")
        )
        return Document(
            url=url,
            text=text.replace("\x00", "\ufffd"),
            source_url=self._source_url(page, metadata),
            title=_line(title, LONGEST_TITLE) or _heading(text),
            description=_line(description, LONGEST_DESCRIPTION),
            language=self._short("language", page, metadata),
            country=self._short("country", page, metadata),
            is_mobile=self._is_mobile(page, metadata),
        )

    def _text(self, page: dict[str, Any]) -> str | None:
        """The page text: the first that is not blank, else "" if one is there, else None."""
        blank = None
        for candidate in self._texts(page):
            if isinstance(candidate, str):
                if candidate and not candidate.isspace():
                    return candidate
                blank = ""
        for key in _HTMLS:
            candidate = page.get(key)
            if isinstance(candidate, str):
                from pulse_cli.read.html import markdown_of

                if text := markdown_of(candidate):
                    return text
                blank = ""
        return blank

    def _texts(self, page: dict[str, Any]) -> Iterator[Any]:
        if self._map:
            yield self._mapped(page, "text")
        for key in _TEXTS:
            yield page.get(key)
        yield _resource(page)

    def _wrong_type(self, page: dict[str, Any], raw: Raw) -> Content:
        for key in (*_CERTAIN, *_TEXTS):
            if page.get(key) is not None:
                detail = f"its {key} is not a string"
                return self.unreadable("wrong-type", detail, page, raw)
        return NoDocument("extract-only" if page.get("json") is not None else "without-text")

    def _status(self, page: dict[str, Any], metadata: dict[str, Any]) -> int | None:
        candidates = [
            self._mapped(page, "status"),
            metadata.get("statusCode"),
            metadata.get("status_code"),
            metadata.get("pageStatusCode"),
            page.get("statusCode"),
            page.get("status_code"),
        ]
        for candidate in candidates:
            if isinstance(candidate, int) and not isinstance(candidate, bool):
                return candidate
            if isinstance(candidate, str) and re.fullmatch(r"[1-9][0-9]{2}", candidate):
                return int(candidate)
        return None

    def _url(
        self, page: dict[str, Any], metadata: dict[str, Any]
    ) -> tuple[str | None, tuple[str, str]]:
        """The first address that is one; else why there is none (reason, detail)."""
        refusal = ("no-url", "it has no URL (metadata.url, metadata.sourceURL, url)")
        places = ((metadata if part else page).get(key) for part, key in _URLS)
        for candidate in (self._mapped(page, "url"), *places):
            address = _string(candidate)
            if address:
                problem = _problem(address := _address(address))
                if problem is None:
                    return address, refusal
                if refusal[0] == "no-url":
                    refusal = ("bad-url", problem)
        return None, refusal

    def _source_url(self, page: dict[str, Any], metadata: dict[str, Any]) -> str | None:
        found = self._mapped_text(page, "source_url") or _first(_SOURCE_URLS, page, metadata)
        if not found:
            return None
        address = _address(found)
        return address if _problem(address) is None else None

    def _short(self, name: str, page: dict[str, Any], metadata: dict[str, Any]) -> str | None:
        found = self._mapped_text(page, name) or _first(
            (("metadata", name), ("", name)), page, metadata
        )
        return _line(found, 64)

    def _is_mobile(self, page: dict[str, Any], metadata: dict[str, Any]) -> bool | None:
        for candidate in (
            self._mapped(page, "is_mobile"),
            metadata.get("isMobile"),
            metadata.get("is_mobile"),
            page.get("isMobile"),
            page.get("is_mobile"),
        ):
            if isinstance(candidate, bool):
                return candidate
        return None

    def _mapped_text(self, page: dict[str, Any], name: str) -> str | None:
        return _string(self._mapped(page, name)) if self._map else None

    def _mapped(self, page: dict[str, Any], name: str) -> Any:
        """The value where the map says; a key that holds dots is tried whole first."""
        path = self._map.get(name)
        if path is None:
            return None
        if (whole := ".".join(path)) in page:
            return page[whole]
        value: Any = page
        for key in path:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value


def _resource(page: dict[str, Any]) -> Any:
    """LlamaIndex keeps the text in a resource."""
    resource = page.get("text_resource")
    return resource.get("text") if isinstance(resource, dict) else None


def _string(value: Any) -> str | None:
    """A string, or the first of a list of strings, if it is not blank."""
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, str)), None)
    if isinstance(value, str) and value and not value.isspace():
        return value
    return None


def _joined(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else None


def _first(
    places: tuple[tuple[str, str], ...], page: dict[str, Any], metadata: dict[str, Any]
) -> str | None:
    for part, key in places:
        if found := _string((metadata if part else page).get(key)):
            return found
    return None


def _line(text: str | None, longest: int) -> str | None:
    """The text on one line; as it is unless it holds control characters or is too long."""
    if text is None or not text or text.isspace():
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


def _address(url: str) -> str:
    """The URL without what cannot be part of one: blanks around it, control characters in it."""
    url = url.strip()
    if url.isprintable():
        return url
    return _CONTROL.sub(lambda match: quote(match[0]), url.translate(_UNSEEN))


def _problem(url: str) -> str | None:
    """Why this is not the address of a page, None if it is."""
    if len(url) > LONGEST_URL:
        return f"its URL has {len(url):,} characters; {LONGEST_URL:,} are allowed"
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.lower() not in _SCHEMES:
        return f"its URL is not of http or https: {url[:100]!r}"
    if not rest.startswith("//"):
        return f"its URL has no host: {url[:100]!r}"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        return f"its URL is not valid ({error}): {url[:100]!r}"
    if not host and scheme.lower() != "file":
        return f"its URL has no host: {url[:100]!r}"
    return None
