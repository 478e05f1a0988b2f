"""Finds the headings of a markdown text and cuts it into pieces for the splitter.

Pieces follow one another without gap or overlap and together are the text. They are at
most `PIECE` characters long and begin at every heading; a longer section is cut at its
last blank line, else line end, else space, else (an unbroken run) after `RUN` characters.
This bounds the work of everything that is quadratic in the length of what it is given,
which the character splitter is. Each character is looked at a bounded number of times.

Headings are ATX (`## Title`) and setext (underlined) ones outside fenced code, as in
CommonMark 0.31 sections 4.2, 4.3 and 4.5; a setext heading begins at its last line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

PIECE = 4096
RUN = 2048

_MARK = re.compile(
    r"\n {0,3}(?:(#{1,6})(?=[ \t\n]|\Z)"  # 1: heading
    r"|(`{3,}|~{3,})([^\n]*)"  # 2, 3: fence and info
    r"|(={2,}|-{2,})[ \t]*(?=\n|\Z))"  # 4: underline
)
# A dashed line below one of these is a thematic break or a table, not an underline.
_NOT_A_PARAGRAPH = re.compile(r"[#>|`~]|[-*+](?:\s|\Z)|\d{1,9}[.)](?:\s|\Z)|[-=*_ \t]+\Z|\Z")


def headings(text: str) -> Iterator[tuple[int, int]]:
    """Yield (offset of the heading's line, level 1-6) in order."""
    # The pattern begins with a line end so that the search for it runs at memory speed; the
    # first line has none.
    fence = ""
    first = _MARK.match("\n" + text[:PIECE])
    if first and first[1]:
        yield 0, len(first[1])
    elif first and first[2]:
        fence = _fence_after("", first[2], first[3])
    for mark in _MARK.finditer(text):
        hashes, marker, info, underline = mark.groups()
        if marker:
            fence = _fence_after(fence, marker, info)
        elif fence:
            continue
        elif hashes:
            yield mark.start() + 1, len(hashes)
        else:
            line = text.rfind("\n", 0, mark.start()) + 1
            if not _NOT_A_PARAGRAPH.match(text[line : mark.start()].strip()):
                yield line, 1 if underline[0] == "=" else 2


def _fence_after(fence: str, marker: str, info: str) -> str:
    """The fence that is open after this fence line, given the one open before ("" for none)."""
    if not fence:
        return "" if marker[0] == "`" and "`" in info else marker
    closes = marker[0] == fence[0] and len(marker) >= len(fence) and not info.strip()
    return "" if closes else fence


def pieces(text: str) -> Iterator[tuple[str, int]]:
    """Yield (piece, level of the heading it begins with or 0)."""
    start, level = 0, 0
    for offset, next_level in headings(text):
        # A setext underline may lie below what was already taken for a heading.
        if offset > start:
            yield from _section(text, start, offset, level)
            start = offset
        level = next_level
    if start < len(text):
        yield from _section(text, start, len(text), level)


def _section(text: str, start: int, end: int, level: int) -> Iterator[tuple[str, int]]:
    while end - start > PIECE:
        cut = _cut(text, start)
        yield text[start:cut], level
        start, level = cut, 0
    yield text[start:end], level


def _cut(text: str, start: int) -> int:
    for separator in ("\n\n", "\n", " "):
        at = text.rfind(separator, start + RUN, start + PIECE)
        if at >= 0:
            return at + len(separator)
    # An unbroken run: it gets pieces of its own. What follows is either all run, or ends
    # at least half a piece further on, so two steps always advance by RUN.
    at = max(text.rfind(separator, start, start + RUN) for separator in "\n ")
    return at + 1 if at >= 0 else start + RUN
