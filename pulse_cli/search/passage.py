"""The part of a chunk that answers the query, and where its words stand in it.

Pure text work for display: ranking is done before, by the engine, with real stemming. Words
are compared by a common beginning, so that `index` also marks `indexes` and `indexing`; text
without spaces between words (Chinese, Japanese) is searched for the query's own characters.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice

WIDTH = 280
MOST_MATCHES = 1000  # of a whole page the best passage is sought among the first so many
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")
_START = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+")
_COMMON = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from"),
        *("how", "i", "in", "is", "it", "of", "on", "or", "that", "the", "this", "to", "was"),
        *("what", "when", "where", "which", "who", "why", "will", "with", "you", "your"),
    )
)
_STEM, _TAIL = 4, 3


@dataclass(frozen=True, slots=True)
class Passage:
    """`spans` are (start, end) character offsets in `excerpt`, ordered, not overlapping.

    `cut_before` and `cut_after` say whether the text goes on at either end.
    """

    excerpt: str
    spans: tuple[tuple[int, int], ...] = ()
    cut_before: bool = False
    cut_after: bool = False


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    end: int
    word: int  # which word of the query


def passage(text: str, query: str, width: int = WIDTH) -> Passage:
    """The `width` characters of `text` with most different words of `query`, most of them
    the earliest such; from the start of a sentence or line where one is near."""
    words = query_words(query)
    matches = _matches(text, words)
    start = _best_start(text, matches, width)
    stop = _stop(text, start, width)
    excerpt = text[start:stop]
    lead = len(excerpt) - len(excerpt.lstrip())
    excerpt = excerpt.strip()
    offset = start + lead
    spans = [(m.start - offset, m.end - offset) for m in matches]
    return Passage(
        excerpt,
        tuple((a, b) for a, b in spans if a >= 0 and b <= len(excerpt)),
        cut_before=bool(text[:start].strip()),
        cut_after=bool(text[stop:].strip()),
    )


def _stop(text: str, start: int, width: int) -> int:
    """Where the excerpt ends: not through the middle of a word, if one ends near."""
    stop = start + width
    if stop >= len(text) or text[stop].isspace():
        return min(stop, len(text))
    ends = [text.rfind(blank, start + width // 2, stop) for blank in " \n"]
    return max(ends) if max(ends) > 0 else stop


def query_words(query: str) -> list[str]:
    """The words to mark: without the most common ones, unless there are no others."""
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(query)))
    return [word for word in words if word not in _COMMON] or words


def _matches(text: str, words: list[str]) -> list[_Match]:
    found: list[_Match] = []
    for number, word in enumerate(words):
        if _UNSPACED.search(word):
            found += [
                _Match(m.start(), m.end(), number)
                for m in islice(re.finditer(re.escape(word), text, re.IGNORECASE), MOST_MATCHES)
            ]
    spaced = [(number, word) for number, word in enumerate(words) if not _UNSPACED.search(word)]
    for match in _WORD.finditer(text) if spaced else ():
        folded = match[0].casefold()
        for number, word in spaced:
            if alike(folded, word):
                found.append(_Match(match.start(), match.end(), number))
                break
        if len(found) >= MOST_MATCHES:
            break
    return _apart(sorted(found, key=lambda m: (m.start, -m.end)))


def alike(one: str, other: str) -> bool:
    """Whether two folded words are one word with different endings, roughly."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    common = 0
    while common < len(short) and short[common] == long[common]:
        common += 1
    return common >= max(_STEM, len(long) - _TAIL) and len(short) - common <= 1


def _apart(matches: list[_Match]) -> list[_Match]:
    kept: list[_Match] = []
    for match in matches:
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
    return kept


def _best_start(text: str, matches: list[_Match], width: int) -> int:
    """Where the window with most different words begins; 0 where nothing matches."""
    breaks = [0, *(m.end() for m in _START.finditer(text))]
    best, best_found, best_words = 0, 0, 0
    for first, anchor in enumerate(matches):
        start = breaks[bisect_left(breaks, anchor.start + 1) - 1]
        if anchor.start - start > width // 3:
            start = max(0, anchor.start - width // 4)
            space = text.find(" ", start, anchor.start)
            start = start if space < 0 or start == 0 else space + 1
        stop = start + width
        inside = [m for m in matches[first : first + width] if m.end <= stop]
        different = len({m.word for m in inside})
        if (different, len(inside)) > (best_words, best_found):
            best, best_found, best_words = start, len(inside), different
    return best
