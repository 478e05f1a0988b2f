"""Takes embedded images out of a text: `data:` URIs, and Firecrawl's mark for one it removed.

A `data:` URI should end at the first blank, quote or bracket (RFC 3986), but the placeholders that
sites load before their pictures hold raw SVG markup with all of these. So an SVG ends at its own
closing tag, and base64 goes on over line breaks while whole lines of it follow. An SVG that is
never closed in its paragraph, or not before the next URI, ends like any other URI: no text
after it is lost.

Each character is looked at a bounded number of times, so time is linear in any text.
"""

from __future__ import annotations

import re

SHORTEST = 32
"""Characters of payload. A shorter URI is an example in prose, and stays."""

_SPELLINGS = ("data:", "DATA:", "Data:")
_HEADER = re.compile(
    r".{5}(?:[^\s,:\"'()<>]{0,100}?;\s?(base64)"
    r"|image/[\w.+-]{1,40}(?:;\s?[^\s,;:\"'()<>]{1,60}){0,4})\s?,",
    re.IGNORECASE,
)
_MARK = "Base64-Image-Removed"
_REMOVED = re.compile(rf"\]\(\s?<?{_MARK}>?\s?\)")

_DIGITS, _CLOSES = r"[A-Za-z0-9+/]", r"(?:\s{0,4}(?=[)>])|(?=\s{0,4}[\"']))"
# Wrapped: further lines of 40 digits or more, and a shorter last one where the URI is closed.
_BASE64 = re.compile(
    rf"\s{{0,4}}[A-Za-z0-9+/_=%-]++(?:"
    rf"(?:\s{{1,20}}{_DIGITS}{{40,}}+={{0,2}})++(?:\s{{1,20}}{_DIGITS}{{1,80}}+={{0,2}}{_CLOSES})?"
    rf"|[ \t\r]{{0,8}}\n[ \t]{{0,8}}{_DIGITS}{{1,80}}+={{0,2}}{_CLOSES})?"
)
_RUN = re.compile(r"[^\s\"'()<>]*+")

_LESS, _MORE = "(?:<|%3c|&lt;)", "(?:>|%3e|&gt;)"
_SVG = re.compile(rf"\s{{0,4}}{_LESS}(?:svg|\?xml|!--|!doctype)", re.IGNORECASE)
_ROOT = re.compile(rf"{_LESS}svg(?:(?!{_LESS}|{_MORE}).)*+{_MORE}", re.IGNORECASE | re.DOTALL)
_SELF_CLOSED = ("/>", "/%3e", "%2f%3e", "/&gt;")
_CLOSING = re.compile(rf"{_LESS}(?:/|%2f)svg\s{{0,4}}{_MORE}", re.IGNORECASE)
_SVG_URI = re.compile("data:image/svg", re.IGNORECASE)
_PARAGRAPH_END = re.compile(r"\n[ \t\r]*+\n")


def without_images(text: str) -> str:
    """The text without the payloads of embedded images; links keep their brackets: `![x]()`."""
    if _MARK in text:
        text = _REMOVED.sub("]()", text)
    for scheme in _SPELLINGS:
        if scheme in text:
            text = _without_uris(text, scheme)
    return text


def _without_uris(text: str, scheme: str) -> str:
    svg = _SvgEnds(text)
    kept: list[str] = []
    done = 0
    start = text.find(scheme)
    while start >= 0:
        end = _end(text, start, svg)
        if end is None:
            end = start + len(scheme)
        else:
            enclosed = text[start - 2 : start] == "(<" and text[end : end + 1] == ">"
            start, end = start - enclosed, end + enclosed
            kept.append(text[done:start])
            done = end
        start = text.find(scheme, end)
    return "".join([*kept, text[done:]]) if kept else text


def _end(text: str, start: int, svg: _SvgEnds) -> int | None:
    """The index after the URI that begins at `start`; None for what is none, or too short."""
    header = _HEADER.match(text, start)
    if not header:
        return None
    payload = header.end()
    if header[1]:
        found = _BASE64.match(text, payload)
        end = found.end() if found else payload
    else:
        end = svg.after(payload) or _run_end(text, payload)
    return end if end - payload >= SHORTEST else None


def _run_end(text: str, at: int) -> int:
    found = _RUN.match(text, at)
    return found.end() if found else at


class _SvgEnds:
    """Where the SVG markup of a URI ends. To be asked in the order of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._closing = _Next(_CLOSING, text)
        self._paragraph = _Next(_PARAGRAPH_END, text)

    def after(self, at: int) -> int | None:
        """The index after the SVG that begins at `at`; None where there is none."""
        text = self._text
        if not _SVG.match(text, at):
            return None
        stop = self._paragraph.span(at)[0]
        if another := _SVG_URI.search(text, at, stop):
            stop = another.start()
        root = _ROOT.search(text, at, stop)
        if root and root[0].lower().endswith(_SELF_CLOSED):
            return root.end()
        closing, end = self._closing.span(at)
        if closing < stop:
            return end
        return _run_end(text, root.end() if root else at)


class _Next:
    """The next match of a pattern after ever larger indices; each character is searched once."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._span = (-1, -1)

    def span(self, at: int) -> tuple[int, int]:
        """Its start and end; the length of the text where there is none."""
        if self._span[0] < at:
            found = self._pattern.search(self._text, at)
            self._span = found.span() if found else (len(self._text), len(self._text))
        return self._span
