"""Finds the text of a page: under which names, and in which of several forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pulse_cli.read.framing.parse import Unparsable, parse

MARKUP = ("markdown", "html", "rawHtml", "raw_html")
"""Names of members that only pages have."""

TEXTS = ("markdown", "raw_content", "content", "text", "page_content", "pageContent", "body")
"""Names of the text, the best first. Beside `raw_content`, the page, `content` is a snippet."""

_HTMLS = ("html", "cleaned_html", "rawHtml", "raw_html")
_FORMS = ("raw_markdown", "markdown", "fit_markdown", "content", "text")
"""Forms of the text where `markdown` is an object, as crawl4ai and others write it."""

_IN_METADATA = ("page_content", "text")
"""Members in which vector stores keep the text of a vector."""

_HTML_PAGE = re.compile(r"\s{0,100}<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_PART = re.compile(
    r"\s{0,100}<(?:p|div|article|section|main|h[1-6]|[uo]l|table)\b", re.IGNORECASE
)
_MARKDOWN = re.compile(r"^#|^```|\]\(|^\|", re.MULTILINE)
_JSON = re.compile(r"\s{0,100}[{\[]")
_NUMBERS = ("pageNumber", "page_number", "page", "page_label", "number", "index")


def json_in(text: str) -> Any:
    """The object or list that a string holds as JSON, else None."""
    if not _JSON.match(text):
        return None
    try:
        return parse(text.encode(errors="replace"))
    except Unparsable:
        return None


def strings_of(page: dict[str, Any], metadata: dict[str, Any]) -> Iterator[str]:
    """The texts of a page, except those named as HTML, the best first. They may be blank."""
    for name in TEXTS:
        if isinstance(text := _form(page.get(name)), str) and not (
            name == "body" and json_in(text) is not None
        ):
            yield text
    resource = page.get("text_resource")  # LlamaIndex keeps the text in a resource
    if isinstance(resource, dict) and isinstance(text := resource.get("text"), str):
        yield text
    if isinstance(parts := page.get("pages"), list) and (text := _joined(parts)):
        yield text
    for name in _IN_METADATA:
        if isinstance(text := metadata.get(name), str):
            yield text


def markdown_in(page: dict[str, Any], metadata: dict[str, Any], mapped: Any = None) -> str | None:
    """The text as markdown: the first that is not blank, else "" if there is one, else None."""
    found = None
    candidates = strings_of(page, metadata)
    for text in candidates if not isinstance(mapped, str) else (mapped, *candidates):
        if text and not text.isspace():
            if not _is_html(text):
                return text
            if text := _from_html(text):
                return text
        found = ""
    for name in _HTMLS:
        if isinstance(html := page.get(name), str):
            if text := _from_html(html):
                return text
            found = ""
    return found


def _is_html(text: str) -> bool:
    """Whether the whole text is HTML, and not markdown that begins with a tag."""
    if _HTML_PAGE.match(text):
        return True
    part = _HTML_PART.match(text) and text.rstrip().endswith(">")
    return bool(part) and not _MARKDOWN.search(text)


def _form(value: Any) -> Any:
    """The best text of an object with several forms of it; other values unchanged."""
    if isinstance(value, dict):
        forms = [text for name in _FORMS if isinstance(text := value.get(name), str)]
        return next((text for text in forms if text and not text.isspace()), *forms[:1] or (None,))
    return value


def _joined(parts: list[Any]) -> str:
    """The text of a document that is kept page by page."""
    texts: list[str] = []
    for part in parts:
        if not isinstance(part, dict) or not any(name in part for name in _NUMBERS):
            return ""
        if (
            "url" in part or "metadata" in part
        ):  # these are pages of a site, and not of one document
            return ""
        if isinstance(text := _form(part), str):
            texts.append(text)
    return "\n\n".join(texts)


def _from_html(html: str) -> str:
    from pulse_cli.read.firecrawl.html import markdown_of

    return markdown_of(html)
