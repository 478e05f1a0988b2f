"""The part of a chunk that answers the query, and where its words stand in it.

Pure text work for display: ranking is done before, by the engine. Words are compared by their
BM25 terms in the language of the page, so what is marked is what the engine counted: `index` also
marks `indexes`, `Haus` also `H\u00e4usern`, and no stop word is marked. Text without spaces between
words (Chinese, Japanese) is searched for the query's own characters.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

WIDTH = 280
MOST_MATCHES = 1000  # of a whole page the best passage is sought among the first so many
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")
_START = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+")

Terms: TypeAlias = Callable[[str], Collection[int]]
"""The BM25 terms of a word; none for a stop word."""


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


def passage(text: str, query: str, terms: Terms, width: int = WIDTH) -> Passage:
    """The `width` characters of `text` with most different words of `query`, most of them
    the earliest such; from the start of a sentence or line where one is near."""
    matches = _matches(text, query_words(query, terms), terms)
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


def query_words(query: str, terms: Terms) -> list[str]:
    """The words to mark: without stop words, unless there are no others."""
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(query)))
    return [word for word in words if terms(word)] or words


def _matches(text: str, words: list[str], terms: Terms) -> list[_Match]:
    found: list[_Match] = []
    spaced: list[tuple[int, str, frozenset[int]]] = []
    for number, word in enumerate(words):
        if _UNSPACED.search(word):
            found += [
                _Match(m.start(), m.end(), number)
                for m in islice(re.finditer(re.escape(word), text, re.IGNORECASE), MOST_MATCHES)
            ]
        else:
            spaced.append((number, word, frozenset(terms(word))))
    for match in _WORD.finditer(text) if spaced else ():
        own = terms(match[0])
        for number, word, wanted in spaced:
            if wanted.issubset(own) if wanted else match[0].casefold() == word:
                found.append(_Match(match.start(), match.end(), number))
                break
        if len(found) >= MOST_MATCHES:
            break
    return _apart(sorted(found, key=lambda m: (m.start, -m.end)))


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
