"""Estimates, before conversion, how much longer than its HTML the markdown of a page would be.

Markdown repeats two things that HTML says once: the columns of a table in each row, and the depth
of lists and quotes on each line. So a few bytes (`colspan=999`, or a thousand `<blockquote>`) can
become megabytes and take minutes. The estimate takes one pass over the tags.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_COLUMNS = 1000
"""The converter writes no more columns than these."""

_CELL = 4
"""Characters of an empty cell, about."""

_TAG = re.compile(r"<(/?)(blockquote|[uo]l|dl|table|tr|t[dh])\b([^<>]{0,300})", re.IGNORECASE)
_COLUMNS = re.compile(r"\bcolspan\s{0,9}=\s{0,9}[\"']?\s{0,9}(\d{1,9})", re.IGNORECASE)
_SPAN = re.compile(r"\s(?:col|row)span\s{0,9}=\s{0,9}[\"']?\s{0,9}\d+\s{0,9}[\"']?", re.IGNORECASE)


class Growth(NamedTuple):
    """Estimated characters: of empty cells, and of text times its depth."""

    cells: int
    nested: int


class _Table:
    def __init__(self) -> None:
        self.rows = 0
        self.cells = 0
        self.columns = 0  # of the present row
        self.widest = 0

    @property
    def growth(self) -> int:
        return _CELL * max(0, self.rows * min(self.widest, MOST_COLUMNS) - self.cells)


def growth_of(html: str) -> Growth:
    """One pass over the tags of a page."""
    tables: list[_Table] = []
    cells = nested = depth = at = 0
    for tag in _TAG.finditer(html):
        nested += depth * (tag.start() - at)
        at = tag.start()
        closes, name = bool(tag[1]), tag[2].lower()
        if name == "table":
            if not closes:
                tables.append(_Table())
            elif tables:
                cells += tables.pop().growth
        elif name in ("tr", "td", "th"):
            if tables and not closes:
                _count(tables[-1], name, tag[3])
        else:
            depth = max(0, depth - 1) if closes else depth + 1
    nested += depth * (len(html) - at)
    return Growth(cells + sum(table.growth for table in tables), nested)


def without_spans(html: str) -> str:
    """The page with cells of one row and one column each."""
    return _SPAN.sub("", html)


def _count(table: _Table, name: str, attributes: str) -> None:
    if name == "tr":
        table.rows += 1
        table.columns = 0
        return
    table.cells += 1
    span = _COLUMNS.search(attributes)
    table.columns += max(1, min(int(span[1]), MOST_COLUMNS)) if span else 1
    table.widest = max(table.widest, table.columns)
