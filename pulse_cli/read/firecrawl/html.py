"""Markdown of pages that were kept as HTML only.

By `html-to-markdown`: MIT, a Rust core in wheels for every platform, released monthly, 10 MB/s
(markdownify: 1.4), tables and fenced code kept. It was chosen for what it does with hostile
pages: 1,000,000 nested elements, unclosed scripts and tags neither crash it (two faster Rust
converters overflow their stack, markdownify raises RecursionError at 1,000) nor take more than
linear time.

It keeps the GIL while it works, so what it is given is bounded; and where it stopped at too deep
a nesting, which it tells, the text alone is taken.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from html_to_markdown import ConversionOptions

LONGEST = 4 * 1024 * 1024
"""Characters: about half a second. Of a longer page this much is converted at a time."""

DROPPED = ("script", "style", "noscript", "template", "svg", "nav")
_TAG = re.compile(r"<[^<>]*+>")
_HIDDEN = re.compile(r"<(script|style|noscript|template|svg|nav)\b", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t]*\n\s*")


def markdown_of(html: str) -> str:
    """The page as markdown; "" where it holds no text."""
    return "\n\n".join(text for piece in _pieces(html) if (text := _converted(piece)))


def _converted(html: str) -> str:
    from html_to_markdown import convert

    try:
        result = convert(html, _options())
    except Exception:  # a page that the library cannot read still has text
        return _text_alone(html)
    text = result.content or ""
    if not text.strip() or any("depth" in str(warning.kind) for warning in result.warnings):
        return _text_alone(html)
    return text


@cache
def _options() -> ConversionOptions:
    from html_to_markdown import ConversionOptions, PreprocessingOptions

    return ConversionOptions(
        extract_metadata=False,
        # Its own clean-up takes away <header>, and with it the title of an article.
        preprocessing=PreprocessingOptions(enabled=False),
        exclude_selectors=list(DROPPED),
        hidden_content="reachable",
    )


def _pieces(html: str) -> list[str]:
    """The page, or if it is longer than LONGEST pieces of it that begin with a tag."""
    pieces = []
    while len(html) > LONGEST:
        cut = html.rfind("<", 1, LONGEST)
        cut = cut if cut > 0 else LONGEST
        pieces.append(html[:cut])
        html = html[cut:]
    return [*pieces, html]


def _text_alone(html: str) -> str:
    """What stands between the tags, in one pass."""
    shown, at = [], 0
    while hidden := _HIDDEN.search(html, at):
        shown.append(html[at : hidden.start()])
        end = re.compile(f"</{hidden[1]}", re.IGNORECASE).search(html, hidden.end())
        at = end.start() if end else len(html)
    text = unescape(_TAG.sub("\n", "".join([*shown, html[at:]])))
    return _BLANKS.sub("\n", text).strip()
