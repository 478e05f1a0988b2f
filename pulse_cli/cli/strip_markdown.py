"""Markdown as running text, for the passages of search results.

Only marks go: a reader of a hit wants words. What is in the index is not touched.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"^\s*(```|~~~).*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_STRONG = re.compile(r"(?<![\w*_])(\*\*|__|\*|_)(?=\S)(.+?)(?<=\S)\1(?![\w*_])")
_RULE = re.compile(r"^[\s|:*_-]{3,}$", re.MULTILINE)
_END = re.compile(r"[.:!?\u3002]$")


def strip_markdown(markdown: str, title: str | None = None) -> str:
    """`markdown` without fences, rules, heading marks, link targets and emphasis.

    A heading that only repeats the title goes altogether; others end like a sentence.
    """

    def heading(match: re.Match[str]) -> str:
        words = match[1]
        if title and words.strip("*_ ").casefold() == title.casefold():
            return ""
        return words if _END.search(words) else f"{words}."

    text = _HEADING.sub(heading, _FENCE.sub("", markdown))
    text = _LINK.sub(r"\1", _RULE.sub("", text))
    return _STRONG.sub(r"\2", text).replace("`", "")
