"""The title of a page without one: its first heading, as a reader sees it.

Documentation tools put a link to the heading itself into each heading, and markdown escapes
punctuation. Both are removed.
"""

from __future__ import annotations

import re

LONGEST = 1024
"""Most characters of a title."""

HEAD = 65536
"""Characters at the beginning of a page in which its heading is looked for."""

_HEADING = re.compile(r"^ {0,3}#[ \t]+(\S.*)$|^(?=\S)(.{1,1024})\n=+[ \t]*$", re.MULTILINE)
_LINK = re.compile(
    r"!?\[([^\[\]]{0,1024})\]\("
    r"[ ]?(<[^<>\n]{0,4096}>|(?:[^()\s]|\([^()\s]{0,1024}\)){0,4096}+)"
    r"(?:\s{1,4}(?:\"([^\"]{0,1024})\"|'([^']{0,1024})'))?[ ]?\)"
)
_PERMALINK = re.compile(
    r"(?:direct link|permalink|permanent link|link|anchor|copy link|heading anchor)\b",
    re.IGNORECASE,
)
_ID = re.compile(r"\{#[^{}\s]{1,200}\}")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_EMPHASIS = re.compile(r"(\*\*|(?<![^\W_])__|`)(?=\S)(.{1,1024}?)\1(?!(?<=_)[^\W_])")
_CLOSING = re.compile(r"(?:\A|[ \t])#+[ \t]*\Z")
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def heading_of(text: str) -> str | None:
    """The first level-1 heading near the beginning, outside code fences, as plain text."""
    head = text[:HEAD]
    for match in _HEADING.finditer(head):
        if head.count("```", 0, match.start()) % 2 == 0:
            heading = (match[1] or match[2])[: 4 * LONGEST]
            if title := _plain(heading):
                return title
    return None


def _plain(heading: str) -> str:
    """The heading without links to itself, link targets, emphasis and escapes."""
    heading = _LINK.sub(_shown, heading)
    heading = _EMPHASIS.sub(r"\2", _CLOSING.sub("", _ID.sub("", heading).rstrip()))
    return " ".join(_ESCAPE.sub(r"\1", heading).translate(_UNSEEN).split())[:LONGEST]


def _shown(link: re.Match[str]) -> str:
    """The text of a link; "" for a link to the heading itself."""
    words, target, hover = link[1], link[2].strip("<>"), link[3] or link[4] or ""
    seen = words.translate(_UNSEEN).strip()
    if target.startswith("#"):
        is_mark = not any(map(str.isalnum, seen)) or _PERMALINK.match(seen)
        return "" if is_mark or _PERMALINK.match(hover) else words
    if _PERMALINK.match(hover) and not any(map(str.isalnum, seen)):
        return ""
    return words
