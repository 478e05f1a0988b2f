"""Packs segments greedily into chunks of a token budget.

A chunk takes as many segments as fit. It ends earlier, before a heading, where that leaves
it at least `_FULL` full: before the last heading of level 1-2 that allows it, else before
the last of any level. The next chunk repeats as many whole segments of its predecessor as
the overlap allows, but none from before a heading of level 1-2, and at least one fewer
than the predecessor has. Every chunk holds something new, so all of it is linear: binary
searches, one set for each chunk.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulse_cli.prepare.segments import Segments

_FULL = 0.65


def pack(
    segments: Segments, start: int, done: int, end: int, room: Callable[[int], int], overlap: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (first segment, first new segment, segment after the last) of each chunk.

    The first chunk begins with segment `start`, of which those before `done` are repeated.
    `room` tells how many tokens a chunk may have that begins with a segment. A chunk is over that
    (by the sum of its segments) only if it is a single segment.
    """
    tokens, top_headings = segments.charged_tokens, segments.top_headings
    while done < end:
        budget = room(start)
        stop = bisect_right(tokens, tokens[start] + budget, done, end + 1) - 1
        if stop <= done:
            if start < done:
                start = done
                continue
            stop = done + 1
        if stop < end:
            full = tokens[start] + _FULL * budget
            stop = _before_heading(segments, done, stop, full)
        yield start, done, stop
        if stop < end:
            spare = max(tokens[stop] - overlap, tokens[stop + 1] - budget)
            first = bisect_left(tokens, spare, start + 1, stop)
            top = bisect_right(top_headings, stop) - 1
            start = max(first, top_headings[top]) if top >= 0 else first
        done = stop


def _before_heading(segments: Segments, done: int, stop: int, full: float) -> int:
    for marks in (segments.top_headings, segments.heads):
        mark = _last_upto(marks, stop)
        if mark > done and segments.charged_tokens[mark] >= full:
            return mark
    return stop


def _last_upto(marks: Sequence[int], limit: int) -> int:
    at = bisect_right(marks, limit) - 1
    return marks[at] if at >= 0 else -1
