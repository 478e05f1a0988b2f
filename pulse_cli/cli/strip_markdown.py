"""Removes markup from markdown, for the passages of search results.

Removed are the marks of markdown, HTML tags, and those of documentation generators (Docusaurus'
admonitions, anchors and permalinks, imports of MDX). Code, lists and tables keep their lines.
The index keeps the text as it is.
"""

from __future__ import annotations

import html
import re

_FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)([^\n`]*)$", re.MULTILINE)
_INLINE_CODE = re.compile(r"(`+)(.+?)\1")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_PERMALINK = re.compile(r"\[[\u200b#\u00b6\s]*\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_STRONG = re.compile(r"(?<![\w*_])(\*\*|__|\*|_)(?=\S)(.+?)(?<=\S)\1(?![\w*_])")
_RULE = re.compile(r"^[\s|:*_-]{3,}$", re.MULTILINE)
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>\n]{0,500}>", re.DOTALL)
_GENERATED = re.compile(
    r"^[ \t]*(?::{3,}[ \t]*\w*(?:\[(?P<name>[^\]\n]*)\])?"  # :::note[Title]
    r"|(?:import|export)[ \t].*(?:from[ \t]+['\"]|=).*)[ \t]*$"
    r"|[ \t]*\{[ \t]*#[\w-]+[ \t]*\}",
    re.MULTILINE,
)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|<>~-])")
_NO_MARKS = str.maketrans("", "", "*_`")
_END = re.compile(r"[.:!?\u3002]$")


def strip_markdown(markdown: str, title: str | None = None) -> str:
    """`markdown` without marks, and without a heading that only repeats the title.

    Other headings get a full stop, like a sentence.
    """
    fences = list(_FENCE.finditer(markdown))
    # A chunk may begin inside a block of code: then its first fence ends that block.
    code = len(fences) % 2 == 1 and not fences[0][1].strip()
    done: list[str] = []
    at = 0
    for start, end in [*(fence.span() for fence in fences), (len(markdown),) * 2]:
        part = markdown[at:start]
        done.append((part if code else _prose(part, title)).strip("\n"))
        code, at = not code, end
    return "\n".join(part for part in done if part.strip())


def _prose(markdown: str, title: str | None) -> str:
    def heading(match: re.Match[str]) -> str:
        words = match[1]
        if title and words.translate(_NO_MARKS).strip().casefold() == title.casefold():
            return ""
        return words if _END.search(words) else f"{words}."

    text = _GENERATED.sub(lambda match: match["name"] or "", _PERMALINK.sub("", markdown))
    text = _LINK.sub(r"\1", _RULE.sub("", _HEADING.sub(heading, text)))
    done: list[str] = []
    at = 0
    for code in _INLINE_CODE.finditer(text):
        done += (_words(text[at : code.start()]), code[2])
        at = code.end()
    return "".join([*done, _words(text[at:])])


def _words(text: str) -> str:
    text = _STRONG.sub(r"\2", _TAG.sub("", text)).replace("`", "")
    return html.unescape(_ESCAPED.sub(r"\1", text))
