"""Cuts an input into spans: ranges of bytes with the documents in them.

Guarantees:

- Every byte of the input belongs to exactly one span: a span reaches from the end of the previous
  span to the position of the reader when it is yielded.
- Every value is interpreted exactly once.
- Memory is bounded by the window and the longest document.
- The spans from the beginning of a segment on depend only on the bytes from there on. So reading
  can be resumed at any segment, and nowhere else.

A segment that fits in the window and parses is one span. That is the fast path, and the usual one
for JSON lines. Any other segment is read value by value (`values`).
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
    """The spans of one input. The reader must be at the beginning of a segment.

    Tests make `window` small: the result must not depend on it.
    """

    def __init__(
        self,
        reader: ByteReader,
        segments: Segments,
        interpreter: Interpreter,
        max_record: int,
        window: int = WINDOW,
    ) -> None:
        self._reader = reader
        self._lines = segments is Segments.LINES
        self._interpreter = interpreter
        self._window = min(window, max_record)
        self._values = Values(reader, interpreter, max_record, self._window)
        reader.split(segments)

    def spans(self) -> Iterator[JsonSpan]:
        reader, values = self._reader, self._values
        while reader.begin_segment():
            while not reader.segment_ends and self._fits_so_far() and reader.extend():
                pass
            span = self._whole() if self._in_window() else None
            if span:
                yield span
            else:
                values.begin_segment()
                yield from self._pieces()
        if reader.damage and not values.damage_reported:
            values.begin_segment()
            values.begin_value()
            yield values.unreadable_rest(values.gather(), "")

    def _fits_so_far(self) -> bool:
        return self._reader.stop - self._reader.at <= self._window

    def _in_window(self) -> bool:
        return self._reader.segment_ends and self._fits_so_far()

    def _whole(self) -> JsonSpan | None:
        """The segment as one span, if it is exactly one value: the fast path."""
        reader = self._reader
        with memoryview(reader.data)[reader.at : reader.stop] as raw:
            try:
                contents = self._interpreter.contents(
                    orjson.loads(raw), raw, EnvelopeContext.NOTHING
                )
            except orjson.JSONDecodeError:
                return None
        byte, line = reader.offset, reader.line
        length = reader.stop - reader.at
        if reader.data[reader.stop - 1] <= _SPACE:
            length = len(reader.data[reader.at : reader.stop].rstrip())
        if self._lines:
            reader.consume_line()
        else:
            reader.consume(reader.stop)
            reader.end_segment()
        return JsonSpan(contents, byte, line, length, byte, line, True)

    def _pieces(self) -> Iterator[JsonSpan]:
        """The segment value by value, to its end."""
        reader, values = self._reader, self._values
        byte, line = reader.offset, reader.line
        values.begin_value()
        if self._lines and self._in_window() and self._is_unreadable_line():
            yield values.plain(reader.stop, level=0)
        elif not values.more():
            yield values.span([NoDocument("blank-line")], byte, line, ends_value=True)
        while values.more():
            values.begin_value()
            if reader.data[reader.at] not in OPENING:
                yield values.unreadable_rest(values.gather(), values.unexpected())
            else:
                yield from values.value(0)
        if reader.in_segment:
            reader.end_segment()

    def _is_unreadable_line(self) -> bool:
        """Whether this line is anything but a sequence of values (the last may be incomplete).

        Then the whole line becomes one dead letter.
        """
        reader, at = self._reader, self._reader.at
        if reader.damage and reader.ends_here:
            return False
        while (at := end_of(BLANK, reader.data, at, reader.stop)) < reader.stop:
            if reader.data[at] not in OPENING:
                return True
            scan = Scan()
            at = scan.advance(reader.data, at, reader.stop)
            if not scan.ended:
                break
        return False
