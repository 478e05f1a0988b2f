"""Which headings each chunk of a page stands below, and what they take in tokens.

The headings of a page make a tree by their levels; the path to one is at most six long. Tokens
are counted once for each heading and added along the path, so all of it is linear in the text,
and a heading costs a few bytes. Names are cut from the text again where a path is written out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from pulse_cli.model import Section
from pulse_cli.ports import TokenCounter
from pulse_cli.prepare.context import SEPARATOR, Leads, heading_text, is_repeated
from pulse_cli.prepare.segments import Segments

_LONGEST_LINE = 1_000
_BATCH_CHARS, _BATCH_TEXTS = 1 << 20, 1 << 14


class Sections:
    """The sections of one page: 0 is what comes before its first heading, i that below heading i.

    `tokens[i]` are those of what is sent before a chunk of section i, as the sum of its parts and
    before it is cut. Without `headings`, and without a title, there is section 0 alone.
    """

    def __init__(
        self, title: str, text: str, segments: Segments, document: int, *, headings: bool
    ) -> None:
        heads, chars = segments.heads, segments.chars
        first = segments.bounds[document]
        low = bisect_right(heads, first - 1)
        high = bisect_right(heads, segments.bounds[document + 1] - 1)
        self._title = title
        self._text = text
        self._base = chars[first]
        self._chars = chars
        self._begins = heads[low:high] if headings and title else array("I")
        self._levels = segments.levels[low:high]
        self._parents = array("I", [0])
        self.tokens = array("I", [0])
        self._made: tuple[int, Section] | None = None

    def of_segment(self, segment: int) -> int:
        return bisect_right(self._begins, segment)

    def parts(self, prefix: str) -> Iterator[str]:
        """What each section adds to what is sent before its parent's chunks, section 0 first."""
        yield prefix + self._title
        above: list[tuple[int, int, str]] = []  # level, section, the last name of its path
        for section, level in enumerate(self._levels[: len(self._begins)], 1):
            while above and above[-1][0] >= level:
                above.pop()
            parent, last = above[-1][1:] if above else (0, self._title)
            name = self._name(section)
            if is_repeated(name, last):
                yield ""
            else:
                yield SEPARATOR + name
                last = name
            self._parents.append(parent)
            above.append((level, section, last))

    def add_tokens(self, own: Iterator[int]) -> None:
        """Take the tokens of `parts`."""
        self.tokens[0] = next(own)
        tokens, parents = self.tokens, self._parents
        for section in range(1, len(parents)):
            tokens.append(tokens[parents[section]] + next(own))

    def section(self, section: int, leads: Leads) -> Section:
        """The words of a section, its context cut to the tokens it may take."""
        if self._made is None or self._made[0] != section:
            names = self._path(section)
            context = SEPARATOR.join([self._title, *names])
            if leads.may_be_too_long(self.tokens[section]):
                context = leads.cut(context)
            self._made = section, Section(context, SEPARATOR.join(names))
        return self._made[1]

    def _path(self, section: int) -> list[str]:
        names: list[str] = []
        while section:
            names.append(self._name(section))
            section = self._parents[section]
        kept: list[str] = []
        last = self._title
        for name in reversed(names):
            if not is_repeated(name, last):
                kept.append(name)
                last = name
        return kept

    def _name(self, section: int) -> str:
        begin = self._chars[self._begins[section - 1]] - self._base
        line = self._text[begin : begin + _LONGEST_LINE]
        return heading_text(line.partition("\n")[0])


def count_sections(pages: Sequence[Sections], prefix: str, counter: TokenCounter) -> None:
    """Count what the sections of all pages take, in few calls."""
    tokens = array("I")
    texts: list[str] = []
    size = 0
    for page in pages:
        for part in page.parts(prefix):
            texts.append(part)
            size += len(part)
            if size >= _BATCH_CHARS or len(texts) >= _BATCH_TEXTS:
                tokens.extend(counter.count(texts))
                texts, size = [], 0
    tokens.extend(counter.count(texts))
    own = iter(tokens)
    for page in pages:
        page.add_tokens(own)
