"""The filters that skip pages. Each has a reason, by which the summary counts."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Any

from pulse_cli.model import Skipped
from pulse_cli.read.options import ReadOptions

_XML = ("application/xml", "text/xml")
_SITEMAP = re.compile(r"sitemap[^/]*\.xml(?:\.gz)?(?:[?#]|\Z)", re.IGNORECASE)


class Filters:
    """Each method returns None, or a Skipped if the page is to be skipped."""

    def __init__(self, options: ReadOptions) -> None:
        self._include_errors = options.include_errors
        self._min_chars = options.min_chars
        self._include = _any_of(options.include)
        self._exclude = _any_of(options.exclude)

    def status(self, status: int | None, url: str | None) -> Skipped | None:
        """Skips error pages, which Firecrawl returns like any other page."""
        if status is None or status < 400 or self._include_errors:
            return None
        return Skipped("http-error", url, gone=status in (404, 410))

    def kind(self, metadata: dict[str, Any], url: str | None) -> Skipped | None:
        """Skips sitemaps, whose text is addresses and dates without spaces between them."""
        kind = metadata.get("contentType") or metadata.get("content_type")
        if isinstance(kind, str):
            found = kind.split(";")[0].strip().lower() in _XML
        else:
            found = url is not None and _SITEMAP.search(url) is not None
        return Skipped("sitemap-xml", url) if found else None

    def text(self, text: str, url: str | None) -> Skipped | None:
        if not text or text.isspace():
            return Skipped("blank", url)
        if self._min_chars and len(text.strip()) < self._min_chars:
            return Skipped("too-short", url)
        return None

    def url(self, url: str) -> Skipped | None:
        if self._include and not self._include.match(url):
            return Skipped("not-included", url)
        if self._exclude and self._exclude.match(url):
            return Skipped("excluded", url)
        return None


def _any_of(globs: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(translate(glob) for glob in globs)) if globs else None
