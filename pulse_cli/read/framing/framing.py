"""Cuts an input into frames: stretches of bytes with the documents that are in them.

Guarantees: every byte of the input belongs to exactly one frame (a frame reaches from where
the one before ended to where the feed stands when it is yielded); every value is interpreted
exactly once; memory is bounded by the window and the longest document, whatever the input.

A segment that fits in the window and parses is one frame: that is the fast path, and all there
is for JSON lines. Anything else is gone through value by value (`values`).
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from pulse_cli.model import NoDocument
from pulse_cli.read.bytes.byte_reader import ByteReader, Segments
from pulse_cli.read.framing.json_span import EnvelopeContext, Interpreter, JsonSpan
from pulse_cli.read.framing.scan import BLANK, OPENING, Scan, end_of
from pulse_cli.read.framing.values import Values

WINDOW = 4 * 1024 * 1024
"""Bytes. A value up to this long is read whole."""

_SPACE = ord(" ")


class Framer:
    """Frames of one input, from where its feed stands.

    `window` is there to be made small by tests: what is read must not depend on it.
    """

    def __init__(
        self,
        feed: ByteReader,
        segments: Segments,
        interpreter: Interpreter,
        max_record: int,
        window: int = WINDOW,
    ) -> None:
        self._feed = feed
        self._lines = segments is Segments.LINES
        self._interpreter = interpreter
        self._window = min(window, max_record)
        self._values = Values(feed, interpreter, max_record, self._window)
        feed.split(segments)

    def frames(self) -> Iterator[JsonSpan]:
        feed = self._feed
        while feed.begin_segment():
            while not feed.segment_ends and feed.stop - feed.at <= self._window and feed.extend():
                pass
            frame = self._whole() if self._in_window() else None
            if frame:
                yield frame
            else:
                yield from self._pieces()
        if feed.damage and not self._values.told:
            self._values.begin()
            yield self._values.lost(self._values.gather(), "")

    def _in_window(self) -> bool:
        return self._feed.segment_ends and self._feed.stop - self._feed.at <= self._window

    def _whole(self) -> JsonSpan | None:
        """The segment as one frame, if it is exactly one value: the fast path."""
        feed = self._feed
        with memoryview(feed.data)[feed.at : feed.stop] as raw:
            try:
                contents = self._interpreter.contents(
                    orjson.loads(raw), raw, EnvelopeContext.NOTHING
                )
            except orjson.JSONDecodeError:
                return None
        byte, line = feed.offset, feed.line
        length = feed.stop - feed.at
        if feed.data[feed.stop - 1] <= _SPACE:
            length = len(feed.data[feed.at : feed.stop].rstrip())
        if self._lines:
            feed.consume_line()
        else:
            feed.consume(feed.stop)
            feed.end_segment()
        return JsonSpan(contents, byte, line, length, byte, line, True)

    def _pieces(self) -> Iterator[JsonSpan]:
        """The segment value by value, to its end."""
        feed, values = self._feed, self._values
        byte, line = feed.offset, feed.line
        values.begin()
        if self._lost_line():
            yield values.plain(feed.stop, level=0)
        elif not values.more():
            yield values.frame([NoDocument("blank-line")], byte, line, closes=True)
        while values.more():
            values.begin()
            if feed.data[feed.at] not in OPENING:
                yield values.lost(values.gather(), values.unexpected())
            else:
                yield from values.value(0)
        if feed.in_segment:
            feed.end_segment()

    def _lost_line(self) -> bool:
        """Whether this line is not just values side by side (the last of which may break off).

        Then it is one dead letter as a whole. In the middle of a line, where a resumed reading may
        begin, that has been decided before.
        """
        feed, at = self._feed, self._feed.at
        if not (self._lines and feed.begins_line and self._in_window()):
            return False
        if feed.damage and feed.ends_here:
            return False
        while (at := end_of(BLANK, feed.data, at, feed.stop)) < feed.stop:
            if feed.data[at] not in OPENING:
                return True
            scan = Scan()
            at = scan.advance(feed.data, at, feed.stop)
            if not scan.ended:
                break
        return False
