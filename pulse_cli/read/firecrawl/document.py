"""Turns a page as Firecrawl wrote it into a Document, a skipped page, or a dead letter.

Control characters become spaces in titles and descriptions, and percent-escapes in URLs
(`address`), so that no terminal escape gets through. The text keeps its lines; NUL becomes U+FFFD.
Other formats of the page (HTML, links, screenshots) are dropped here, so they take no memory later.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import orjson

from pulse_cli.model import Document, Unreadable
from pulse_cli.read.firecrawl import advice, fields, front_matter, no_page
from pulse_cli.read.firecrawl.address import cleaned, problem
from pulse_cli.read.firecrawl.fields import Fields, first_string, metadata_of
from pulse_cli.read.firecrawl.file_address import FileAddress
from pulse_cli.read.firecrawl.filters import Filters
from pulse_cli.read.firecrawl.html_page import head_of
from pulse_cli.read.firecrawl.members import is_running_text, possible_texts
from pulse_cli.read.firecrawl.parts import address_of_page, part_of
from pulse_cli.read.firecrawl.texts import MARKUP, TEXTS, markdown_in, strings_of
from pulse_cli.read.firecrawl.titles import LONGEST as LONGEST_TITLE
from pulse_cli.read.firecrawl.titles import heading_of
from pulse_cli.read.framing.json_span import CappedBuffer, Content, Raw
from pulse_cli.read.options import ReadOptions

LONGEST_DESCRIPTION = 4096
LONGEST_CODE = 64

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ADDRESS_ENTRIES = (
    "url",
    "source_url",
    "sourceurl",
    "canonical_url",
    "canonical",
    "source",
    "link",
)
_SOURCE_FILES = ("sourceFile", "sourceFilename", "source_file", "source_filename")


class Pages:
    """Builds documents according to the options."""

    def __init__(self, options: ReadOptions) -> None:
        self._fields = Fields(options.field_map)
        self._mapped = "text" in options.field_map
        self._filters = Filters(options)
        self._file: FileAddress | None = None

    def of_file(self, file: FileAddress | None) -> Pages:
        """A copy for the pages of one input, for which the user gave this address."""
        pages = copy.copy(self)
        pages._file = file
        return pages

    def is_page(self, value: dict[str, Any]) -> bool:
        """Whether it has a member that only pages have, or the text named by `source.map`."""
        if any(value.get(key) is not None for key in MARKUP):
            return True
        return self._mapped and isinstance(self._fields.mapped(value, "text"), str)

    def has_text_and_address(self, value: dict[str, Any]) -> bool:
        """Whether it has text under a general name, and an address, as home-made records do."""
        if not self.has_text(value):
            return False
        if "page_content" in value or metadata_of(value):
            return True
        return any(isinstance(value.get(key), str) for key in fields.URL.page)

    def has_text(self, value: dict[str, Any]) -> bool:
        """Whether it has text under a general name."""
        return next(strings_of(value, metadata_of(value)), None) is not None

    def addressed(self, member: dict[str, Any], envelope: dict[str, Any]) -> dict[str, Any]:
        """A member of an envelope; a page without address gets that of the envelope.

        Scripts keep an answer beside the address they requested: `{"url", "result": {"markdown"}}`.
        """
        if not member or not (self.is_page(member) or self.has_text(member)):
            return member
        if self._url(member, metadata_of(member))[0] is not None:
            return member
        url = self._url(envelope, metadata_of(envelope))[0]
        return member if url is None else {"title": envelope.get("title"), **member, "url": url}

    def page(self, page: dict[str, Any], raw: Raw) -> Content:
        """The content for a page; `raw` are the bytes it came from."""
        metadata = metadata_of(page)
        url, refusal = self._url(page, metadata)
        skipped = self._filters.status(self._fields.status(page, metadata), url)
        if skipped := skipped or self._filters.kind(metadata, url):
            return skipped
        mapped = self._fields.mapped(page, "text") if self._mapped else None
        text = markdown_in(page, metadata, mapped)
        if text is None:
            return self._without_text(page, raw, url)
        matter = front_matter.split(text)
        if url is None:
            url = _address_in(matter.entries)
        if skipped := self._filters.text(matter.text, url):
            if skipped.reason == "blank" and self._hides_text(page):
                return self.unknown(page, raw, "its text is blank")
            return skipped
        if url is None:
            return self._without_address(*refusal, page, raw)
        return self._filters.url(url) or self._document(page, metadata, url, matter)

    def markdown(self, text: str, address: FileAddress | None) -> Content:
        """A file of raw markdown; the address in its front matter comes first."""
        page = {"markdown": text}
        own = _address_in(front_matter.split(text).entries)
        content = self.page({**page, "url": own or (address and address.page)}, b"")
        if isinstance(content, Unreadable) and content.reason == "no-url":
            detail = "raw markdown carries no address; give it with --url"
            return Unreadable("no-url", detail, record=page)
        return content

    def html(self, html: str, address: FileAddress | None) -> Content:
        """A file of HTML; an address that it names itself comes first."""
        head = head_of(html, address.page if address else None)
        url = head.address or (address.page if address else head.base)
        page = {
            "html": html,
            "url": url,
            "title": head.title,
            "description": head.description,
            "language": head.language,
        }
        content = self.page(page, b"")
        if isinstance(content, Unreadable) and content.reason == "no-url":
            detail = "this HTML names no address (canonical link, og:url); give it with --url"
            return Unreadable("no-url", detail, record={"html": html})
        return content

    def unreadable(
        self, reason: str, detail: str, value: Any, raw: Raw, url: str | None = None
    ) -> Unreadable:
        """A dead letter that keeps the value, or its bytes if it cannot be written as JSON again.

        A value may be nested too deeply for writing, though not for reading. null is not kept.
        """
        try:
            orjson.dumps(value)
        except (TypeError, ValueError, RecursionError):
            value = None
        if value is None:
            return CappedBuffer.of(raw).unreadable(reason, detail)
        return Unreadable(reason, detail, url, record=value)

    def unknown(self, value: dict[str, Any], raw: Raw, why: str = "") -> Unreadable:
        """A dead letter for a record whose text pulse does not find."""
        url, _ = self._url(value, metadata_of(value))
        if not why:
            missing = "page text" if url else "page text and no address"
            why = f"no {missing} under a name that pulse knows"
        remedy = advice.map_for(value, text=True, url=url is None)
        detail = f"{why}; its keys: {advice.keys_of(value)}{remedy}"
        return self.unreadable("unknown-shape", detail, value, raw, url)

    def _document(
        self,
        page: dict[str, Any],
        metadata: dict[str, Any],
        url: str,
        matter: front_matter.FrontMatter,
    ) -> Document:
        take, entries, text = self._fields, matter.entries, matter.text
        title = take.string("title", fields.TITLE, page, metadata) or entries.get("title")
        description = take.joined("description", fields.DESCRIPTION, page, metadata)
        language = take.string("language", fields.LANGUAGE, page, metadata)
        country = take.string("country", fields.COUNTRY, page, metadata)
        source = take.string("source_url", fields.SOURCE_URL, page, metadata)
        if source is not None and source != url:
            source = cleaned(source)
            source = None if problem(source) else source
        part = part_of(page, metadata, url)
        return Document(
            url=address_of_page(url) if part else url,
            text=text.replace("\x00", "\ufffd") if "\x00" in text else text,
            source_url=source,
            title=_line(title, LONGEST_TITLE) or _line(heading_of(text), LONGEST_TITLE),
            description=_line(description or entries.get("description"), LONGEST_DESCRIPTION),
            language=_line(
                language or entries.get("language") or entries.get("lang"), LONGEST_CODE
            ),
            country=_line(country, LONGEST_CODE),
            is_mobile=take.boolean("is_mobile", fields.MOBILE, page, metadata),
            part=part,
        )

    def _without_text(self, page: dict[str, Any], raw: Raw, url: str | None) -> Content:
        for key in (*MARKUP, *TEXTS):
            if page.get(key) is not None:
                detail = f"its {key} is not a string"
                return self.unreadable("wrong-type", detail, page, raw, url)
        return no_page.of_page(page)

    def _without_address(
        self, reason: str, detail: str, page: dict[str, Any], raw: Raw
    ) -> Unreadable:
        remedy = advice.map_for(page, text=False, url=True)
        if not remedy and _source_file(page, metadata_of(page)):
            remedy = "; give the address of its file with --url"
        detail = f"{detail}; its keys: {advice.keys_of(page)}{remedy}"
        return self.unreadable(reason, detail, page, raw)

    def _hides_text(self, page: dict[str, Any]) -> bool:
        """Whether a page whose text is blank has running text under an unknown name."""
        named = {*MARKUP, *TEXTS, "cleaned_html"}
        rest = {key: value for key, value in page.items() if key not in named}
        return any(is_running_text(one.text) for one in possible_texts(rest) if one.path in page)

    def _url(
        self, page: dict[str, Any], metadata: dict[str, Any]
    ) -> tuple[str | None, tuple[str, str]]:
        """The first valid address; else why there is none (reason, detail)."""
        refusal = None
        for candidate in self._fields.strings("url", fields.URL, page, metadata):
            address = cleaned(candidate)
            why = problem(address)
            if why is None:
                return address, ("", "")
            refusal = refusal or ("bad-url", why)
        if refusal is None and self._file and (name := _source_file(page, metadata)):
            return self._file.of_document(name), ("", "")
        return None, refusal or _NO_URL


_NO_URL = ("no-url", "it has no address (metadata.url, metadata.sourceURL, url)")


def _source_file(page: dict[str, Any], metadata: dict[str, Any]) -> str | None:
    """The name of the file that Firecrawl parsed (`/v2/parse`); such a page has no address."""
    values = (found.get(name) for found in (metadata, page) for name in _SOURCE_FILES)
    return next(filter(None, map(first_string, values)), None)


def _address_in(entries: Mapping[str, str]) -> str | None:
    """The first address in the front matter of a page."""
    addresses = (cleaned(entries[name]) for name in _ADDRESS_ENTRIES if name in entries)
    return next((address for address in addresses if problem(address) is None), None)


def _line(text: str | None, longest: int) -> str | None:
    """The text on one line, without control characters, and cut if it is too long."""
    if text is None:
        return None
    if not text.isprintable():
        text = _CONTROL.sub(" ", text).strip()
    return text[:longest] or None
