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
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from pulse_cli.prepare.outline import pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from semantic_text_splitter import MarkdownSplitter

    from pulse_cli.ports import TokenCounter

_BATCH = 1 << 20

# Every 16 characters are charged as a token at least: otherwise blanks, and words so long
# that WordPiece takes them for one unknown token, would make chunks without end.
_CHARS_PER_TOKEN = 16


class Segments:
    """Running sums over the segments of several documents.

    Document d has the segments `bounds[d]` to `bounds[d + 1] - 1`. `chars`, `tokens` and
    `charged` are sums up to each segment of its characters, its tokens, and the tokens it
    is charged with when chunks are packed; `glued` counts the segments whose tokens may not
    just add to those of the one before. `heads` and `tops` are the sorted indices of segments that
    begin with any heading, and with one of level 1-2.
    """

    __slots__ = ("bounds", "charged", "chars", "glued", "heads", "tokens", "tops")

    def __init__(self) -> None:
        self.chars = array("I", [0])
        self.tokens = array("I", [0])
        self.charged = array("I", [0])
        self.glued = array("I", [0])
        self.heads = array("I")
        self.tops = array("I")
        self.bounds = array("I", [0])


class Segmenter:
    """Makes `Segments`. Thread-safe.

    `most` is the limit of a segment in tokens; `breaks` are the characters beside which
    the tokens of two segments just add up.
    """

    def __init__(
        self,
        splitter: MarkdownSplitter,
        counter: TokenCounter,
        most: int,
        breaks: frozenset[str] = frozenset(),
    ) -> None:
        self._breaks = breaks
        self._splitter = splitter
        self._counter = counter
        self._most = most

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
        split = self._splitter.chunk_all(batch)
        parts = list(chain.from_iterable(split))
        first = np.zeros(len(batch) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, split), np.int64, len(split)), out=first[1:])
        tokens = self._count(parts)
        if len(parts) and tokens.max() > self._most:
            parts, tokens, first = self._shorten(parts, tokens, first)
        _append(segments, parts, tokens, first, np.array(levels, np.int64), ends, self._breaks)

    def _count(self, parts: list[str]) -> NDArray[np.int64]:
        return np.asarray(self._counter.count(parts), np.int64)

    def _shorten(
        self, parts: list[str], tokens: NDArray[np.int64], first: NDArray[np.int64]
    ) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        """Halve the parts that are over the limit until none is; each is counted anew."""
        while True:
            sizes = np.fromiter(map(len, parts), np.int64, len(parts))
            long = (tokens > self._most) & (sizes > 1)
            if not long.any():
                return parts, tokens, first
            halves = self._halves(parts, np.flatnonzero(long))
            counted = self._count(halves)
            # Where each old part begins among the new ones: one more for each halved before.
            moved = np.arange(len(parts) + 1)
            moved[1:] += np.cumsum(long)
            new_tokens = np.zeros(moved[-1], np.int64)
            new_tokens[moved[:-1]] = tokens
            at = moved[:-1][long]
            new_tokens[at], new_tokens[at + 1] = counted[::2], counted[1::2]
            new_parts = [""] * int(moved[-1])
            for index, part in zip(moved[:-1].tolist(), parts, strict=True):
                new_parts[index] = part
            for number, index in enumerate(at.tolist()):
                new_parts[index : index + 2] = halves[2 * number : 2 * number + 2]
            parts, tokens, first = new_parts, new_tokens, moved[first]

    @staticmethod
    def _halves(parts: list[str], which: NDArray[np.int64]) -> list[str]:
        halves: list[str] = []
        for index in which.tolist():
            part = parts[index]
            middle = (len(part) + 1) // 2
            halves += (part[:middle], part[middle:])
        return halves


def _append(
    segments: Segments,
    parts: list[str],
    tokens: NDArray[np.int64],
    first: NDArray[np.int64],
    levels: NDArray[np.int64],
    ends: list[int],
    breaks: frozenset[str],
) -> None:
    base = len(segments.chars) - 1
    sizes = np.fromiter(map(len, parts), np.int64, len(parts))
    _accumulate(segments.chars, sizes)
    _accumulate(segments.tokens, tokens)
    _accumulate(segments.charged, np.maximum(tokens, -(-sizes // _CHARS_PER_TOKEN)))
    _accumulate(segments.glued, _glued(parts, breaks))
    starts = first[:-1] + base
    _extend(segments.heads, starts[levels > 0])
    _extend(segments.tops, starts[(levels == 1) | (levels == 2)])
    _extend(segments.bounds, first[ends] + base)


def _glued(parts: list[str], breaks: frozenset[str]) -> NDArray[np.int64]:
    """1 for each part that no break parts from the one before it (the first may have none)."""
    glued = np.ones(len(parts) + 1, np.int64)
    glued[1:] = [part[-1] not in breaks for part in parts]
    return glued[:-1] & np.array([part[0] not in breaks for part in parts], np.int64)


def _accumulate(sums: array[int], more: NDArray[np.int64]) -> None:
    _extend(sums, sums[-1] + np.cumsum(more))


def _extend(numbers: array[int], more: NDArray[np.int64]) -> None:
    numbers.frombytes(more.astype(np.uint32).tobytes())
