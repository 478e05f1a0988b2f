"""Which headings each chunk of a page stands below, and what they take in tokens.

The headings of a page make a tree by their levels, so the path to one is at most six long. A
heading costs a few bytes; its words are cut from the text where a chunk begins below it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from pulse_cli.model import Section
from pulse_cli.prepare.context import SEPARATOR, Leads, heading_text, is_repeated
from pulse_cli.prepare.segments import Segments

_LONGEST_LINE = 1_000


class Sections:
    """The sections of one page: 0 is what comes before its first heading, i that below heading i.

    Without `headings`, and without a title, there is section 0 alone.
    """

    def __init__(
        self,
        leads: Leads,
        title: str,
        text: str,
        segments: Segments,
        document: int,
        *,
        headings: bool,
    ) -> None:
        first, end = segments.bounds[document], segments.bounds[document + 1]
        low, high = (bisect_left(segments.heads, bound) for bound in (first, end))
        if not (title and headings):
            high = low
        self._leads = leads
        self._title = title
        self._text = text
        self._chars = segments.chars
        self._base = segments.chars[first]
        self._begins = segments.heads[low:high]
        self._parents = _parents(segments.levels[low:high])
        self._last: tuple[int, Section, int] | None = None

    def at(self, segment: int) -> tuple[Section, int]:
        """Where a chunk stands that begins with this segment, and the tokens sent before it."""
        number = bisect_right(self._begins, segment)
        if self._last is None or self._last[0] != number:
            path = self._path(number)
            context, tokens = self._leads.measured(SEPARATOR.join([self._title, *path]))
            self._last = number, Section(context, SEPARATOR.join(path)), tokens
        return self._last[1:]

    def _path(self, number: int) -> list[str]:
        """The headings above, without those that only repeat what stands above them."""
        names: list[str] = []
        while number:
            begin = self._chars[self._begins[number - 1]] - self._base
            line = self._text[begin : begin + _LONGEST_LINE].partition("\n")[0]
            names.append(heading_text(line))
            number = self._parents[number]
        path: list[str] = []
        for name in reversed(names):
            if not is_repeated(name, path[-1] if path else self._title):
                path.append(name)
        return path


def _parents(levels: array[int]) -> array[int]:
    """For each section the one above it."""
    parents = array("I", [0])
    latest = [0] * 7  # the section that is open at each level; 0 where none is
    for number, level in enumerate(levels, 1):
        parents.append(max(latest[:level]))
        latest[level] = number
        latest[level + 1 :] = [0] * (6 - level)
    return parents
