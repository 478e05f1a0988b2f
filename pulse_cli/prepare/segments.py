"""Splits texts into small segments at semantic boundaries and counts the tokens of each once.

`Segments` holds the segments of several documents one after another as running sums, 4
bytes a number, so that a document of any size takes little memory: `tokens[i]` is the total
before segment i, hence segments i to j-1 have `tokens[j] - tokens[i]` tokens by sum. Every
character is in exactly one segment, and no segment has more than the tokens asked for,
unless it is a single character.

Work is done in batches of about a million characters: one call of the splitter and one
of the counter for each, which both release the GIL.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from semantic_text_splitter import MarkdownSplitter

from pulse_cli.prepare.outline import pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pulse_cli.ports import TokenCounter

_BATCH = 1 << 20

# Every 16 characters are charged as a token at least: otherwise blanks, and words so long
# that WordPiece takes them for one unknown token, would make chunks without end.
_CHARS_PER_TOKEN = 16


class Segments:
    """Running sums over the segments of several documents.

    Document d has the segments `bounds[d]` to `bounds[d + 1] - 1`. `chars`, `tokens` and
    `charged_tokens` are sums up to each segment of its characters, its tokens, and the tokens it
    is charged with when chunks are packed; `inexact_joins` counts the segments whose tokens may not
    just add to those of the one before. `heads` and `top_headings` are the sorted indices of
    segments that begin with any heading, and with one of level 1-2; `levels` are those of `heads`.
    """

    __slots__ = (
        "bounds",
        "charged_tokens",
        "chars",
        "heads",
        "inexact_joins",
        "levels",
        "tokens",
        "top_headings",
    )

    def __init__(self) -> None:
        self.chars = array("I", [0])
        self.tokens = array("I", [0])
        self.charged_tokens = array("I", [0])
        self.inexact_joins = array("I", [0])
        self.heads = array("I")
        self.levels = array("B")
        self.top_headings = array("I")
        self.bounds = array("I", [0])


@dataclass(frozen=True, slots=True)
class _Parts:
    """Texts with their tokens; `first[p]` is the index of the first part of piece p."""

    texts: list[str]
    tokens: NDArray[np.int64]
    first: NDArray[np.int64]


class Segmenter:
    """Makes `Segments` for chunks of `budget` tokens. Thread-safe.

    Segments are as fine as the budget needs: about a tenth of it in most text. What holds
    more than a quarter of it in as many characters (CJK, numbers) is split once more. `breaks` are
    the characters beside which the tokens of two segments just add up.
    """

    def __init__(self, counter: TokenCounter, budget: int, breaks: frozenset[str]) -> None:
        capacity = max(1, budget * 3 // 8)
        self._coarse = MarkdownSplitter(capacity, trim=False)
        self._fine = MarkdownSplitter(max(1, capacity // 2), trim=False)
        self._wanted = budget // 4
        self._most = max(1, budget // 2)
        self._counter = counter
        self._breaks = breaks

    def segment(self, texts: Sequence[str]) -> Segments:
        """Split `texts`, none of which is empty."""
        segments = Segments()
        batch: list[str] = []
        levels: list[int] = []
        ends: list[int] = []
        size = 0
        for text in texts:
            for piece, level in pieces(text):
                batch.append(piece)
                levels.append(level)
                size += len(piece)
                if size >= _BATCH:
                    self._add(segments, batch, levels, ends)
                    batch, levels, ends, size = [], [], [], 0
            ends.append(len(batch))
        self._add(segments, batch, levels, ends)
        return segments

    def _add(
        self, segments: Segments, batch: list[str], levels: list[int], ends: list[int]
    ) -> None:
        """Append the segments of a batch of pieces; a document ends before each of `ends`."""
        parts = _Parts(batch, np.zeros(len(batch), np.int64), np.arange(len(batch) + 1))
        parts = self._split(parts, -1, self._coarse.chunk_all)
        parts = self._split(parts, self._wanted, self._fine.chunk_all)
        while (shorter := self._split(parts, self._most, _halves)) is not parts:
            parts = shorter
        base = len(segments.chars) - 1
        sizes = _sizes(parts.texts)
        _accumulate(segments.chars, sizes)
        _accumulate(segments.tokens, parts.tokens)
        _accumulate(
            segments.charged_tokens, np.maximum(parts.tokens, -(-sizes // _CHARS_PER_TOKEN))
        )
        _accumulate(segments.inexact_joins, _inexact_joins(parts.texts, self._breaks))
        starts, level = parts.first[:-1] + base, np.array(levels, np.int64)
        _extend(segments.heads, starts[level > 0])
        segments.levels.extend(level[level > 0].tolist())
        _extend(segments.top_headings, starts[(level == 1) | (level == 2)])
        _extend(segments.bounds, parts.first[ends] + base)

    def _split(
        self, parts: _Parts, limit: int, split: Callable[[list[str]], list[list[str]]]
    ) -> _Parts:
        """Split and count anew the parts over `limit`; the same object if there is none."""
        long = (parts.tokens > limit) & (_sizes(parts.texts) > 1 if limit >= 0 else True)
        which = np.flatnonzero(long).tolist()
        if not which:
            return parts
        shorter = split([parts.texts[index] for index in which])
        nested = [[text] for text in parts.texts]
        for index, texts in zip(which, shorter, strict=True):
            nested[index] = texts
        into = _sizes(nested)
        tokens = np.repeat(parts.tokens, into)
        tokens[np.repeat(long, into)] = self._counter.count(list(chain.from_iterable(shorter)))
        moved = np.zeros(len(nested) + 1, np.int64)
        np.cumsum(into, out=moved[1:])
        return _Parts(list(chain.from_iterable(nested)), tokens, moved[parts.first])


def _halves(texts: list[str]) -> list[list[str]]:
    return [[text[: len(text) // 2], text[len(text) // 2 :]] for text in texts]


def _sizes(texts: Sequence[Sized]) -> NDArray[np.int64]:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def _inexact_joins(texts: list[str], breaks: frozenset[str]) -> NDArray[np.int64]:
    """1 for each text that no break parts from the one before it (the first may have none)."""
    inexact_joins = np.ones(len(texts) + 1, np.int64)
    inexact_joins[1:] = [text[-1] not in breaks for text in texts]
    return inexact_joins[:-1] & np.array([text[0] not in breaks for text in texts], np.int64)


def _accumulate(sums: array[int], more: NDArray[np.int64]) -> None:
    _extend(sums, sums[-1] + np.cumsum(more))


def _extend(numbers: array[int], more: NDArray[np.int64]) -> None:
    numbers.frombytes(more.astype(np.uint32).tobytes())
