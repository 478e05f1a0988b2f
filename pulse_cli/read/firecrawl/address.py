"""Checks whether a URL can be the address of a page."""

from __future__ import annotations

import re
from urllib.parse import quote

LONGEST = 8192

_GOOD = re.compile(
    r"https?://(?:[^/?#@\s\\]*@)?(?:\[[0-9a-fA-F:.]{2,60}\]|[^/?#@:\[\]\s\\]{1,255})(?::\d{1,5})?"
    r"(?:[/?#]|\Z)|file://",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNSEEN = str.maketrans("", "", "\t\r\n")  # left out as by browsers (WHATWG URL, 4.4)


def cleaned(url: str) -> str:
    """The URL without blanks around it, and with escaped control characters, safe to print.

    Nothing else changes, because the URL identifies the page.
    """
    url = url.strip()
    if url.isprintable():
        return url
    return _CONTROL.sub(lambda match: quote(match[0]), url.translate(_UNSEEN))


def problem(url: str) -> str | None:
    """Why this is not the address of a page; None if it is."""
    if len(url) > LONGEST:
        return f"its URL has {len(url):,} characters, more than {LONGEST:,}"
    if _GOOD.match(url):
        return None
    shown = repr(url[:100])
    if not re.match(r"(?:https?|file):", url, re.IGNORECASE):
        return f"its URL is not one of http or https: {shown}"
    return f"its URL has no valid host: {shown}"
