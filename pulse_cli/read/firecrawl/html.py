"""Converts pages that were kept as HTML only to markdown.

The converter is `html-to-markdown`: MIT, a Rust core in wheels for every platform, released
monthly, 10 MB/s (markdownify: 1.4), keeps tables and fenced code. It was chosen because hostile
pages do it no harm: 1,000,000 nested elements, or unclosed scripts or tags, neither crash it (two
faster Rust converters overflow their stack, markdownify raises RecursionError at 1,000) nor take
more than linear time.

Its markdown may be far longer than the page (`html_growth`), and it holds the GIL while it works.
So a page is converted in pieces of at most LONGEST characters. A table loses its column and row
spans if they would make it grow. Of a page that would still grow, or is nested too deeply, only
the text is taken. So the markdown is at most a few times as long as the HTML.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import TYPE_CHECKING

from pulse_cli.read.firecrawl.html_growth import growth_of, without_spans

if TYPE_CHECKING:
    from html_to_markdown import ConversionOptions

LONGEST = 4 * 1024 * 1024
"""Most characters that are converted at a time, which takes about half a second."""

DROPPED = ("script", "style", "noscript", "template", "svg", "nav")
_TAG = re.compile(r"<[^<>]*+>")
_HIDDEN = re.compile(r"<(script|style|noscript|template|svg|nav)\b", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t]*\n\s*")


MOST_CELLS, MOST_NESTED = 0.5, 8.0
"""Most growth for each character of a page; real pages are far below."""

ALLOWED = 64 * 1024
"""Characters of growth that any page may have."""

DEEPEST = 300
"""Deepest nesting of elements; a page with more is not converted."""


def markdown_of(html: str) -> str:
    """The page as markdown; "" where it holds no text."""
    return "\n\n".join(text for piece in _pieces(html) if (text := _converted(piece)))


def _converted(html: str) -> str:
    from html_to_markdown import convert

    bounded = _bounded(html)
    if bounded is None:
        return _text_alone(html)
    try:
        result = convert(bounded, _options())
    except Exception:  # the text of a page that the library cannot convert is taken
        return _text_alone(html)
    text = result.content or ""
    if not text.strip() or any("depth" in str(warning.kind) for warning in result.warnings):
        return _text_alone(html)
    return text


def _bounded(html: str) -> str | None:
    """The page, without the spans of its tables if need be; None if it would still grow."""
    growth = growth_of(html)
    if growth.nested > ALLOWED + MOST_NESTED * len(html):
        return None
    if growth.cells > ALLOWED + MOST_CELLS * len(html):
        html = without_spans(html)
        if growth_of(html).cells > ALLOWED + MOST_CELLS * len(html):
            return None
    return html


@cache
def _options() -> ConversionOptions:
    from html_to_markdown import ConversionOptions, PreprocessingOptions

    return ConversionOptions(
        extract_metadata=False,
        # Its own clean-up removes <header>, and with it the title of an article.
        preprocessing=PreprocessingOptions(enabled=False),
        exclude_selectors=list(DROPPED),
        hidden_content="reachable",
        compact_tables=True,  # padding would cost tokens
        max_depth=DEEPEST,
    )


def _pieces(html: str) -> list[str]:
    """The page, or, if it is longer than LONGEST, pieces of it that begin with a tag."""
    pieces = []
    while len(html) > LONGEST:
        cut = html.rfind("<", 1, LONGEST)
        cut = cut if cut > 0 else LONGEST
        pieces.append(html[:cut])
        html = html[cut:]
    return [*pieces, html]


def _text_alone(html: str) -> str:
    """The text between the tags, in one pass."""
    shown, at = [], 0
    while hidden := _HIDDEN.search(html, at):
        shown.append(html[at : hidden.start()])
        end = re.compile(f"</{hidden[1]}", re.IGNORECASE).search(html, hidden.end())
        at = end.start() if end else len(html)
    text = unescape(_TAG.sub("\n", "".join([*shown, html[at:]])))
    return _BLANKS.sub("\n", text).strip()
