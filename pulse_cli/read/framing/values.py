"""Reads one JSON value after another, whole or opened, for `framing`.

A value that ends within the window is read whole. A longer one is **opened**: arrays, and members
whose names are those of lists of documents (`{"data": [...]}`), are read element by element. So a
crawl response of any size is streamed. The rest of the object around them is interpreted last. A
long value that is no such envelope is collected, up to `max_record`.

Whether a value is opened depends on its own bytes alone, so a resumed run opens the same values.
If an opened value is incomplete, its readable elements have been given already, and the rest of the
segment becomes one unreadable span.
"""

from __future__ import annotations

import re
from collections.abc import Generator

from pulse_cli.model import Document, Note, Skipped, Unreadable
from pulse_cli.read.bytes.byte_reader import ByteReader
from pulse_cli.read.framing.json_span import (
    CappedBuffer,
    Content,
    EnvelopeContext,
    Hint,
    Interpreter,
    JsonSpan,
    Raw,
)
from pulse_cli.read.framing.parse import Unparsable, parse
from pulse_cli.read.framing.scan import BLANK, BOM, OPENING, SCALAR, Scan, end_of

LEVELS = 5
"""How deep objects and arrays are opened; deeper values are collected whole."""

_KEY = re.compile(rb'"([A-Za-z_]{1,32})"\s{0,64}:\s{0,64}\Z')
_LONGEST_KEY = 200
_ARRAY = ord("[")
_ARRAY_END = ord("]")


class Values:
    """The values in the segments of a `ByteReader`.

    `damage_reported`: a span has already reported that the input is damaged.
    """

    def __init__(
        self, reader: ByteReader, interpreter: Interpreter, max_record: int, window: int
    ) -> None:
        self._reader = reader
        self._interpreter = interpreter
        self._max_record = max_record
        self._window = window
        self._segment = 0
        self._segment_line = 1
        self._found = 0
        self._records = 0
        self._pages = 0
        self.damage_reported = False

    def begin_segment(self) -> None:
        """Note that a segment begins here."""
        self._segment = self._reader.offset
        self._segment_line = self._reader.line

    def begin_value(self) -> None:
        """Note that an outermost value begins here."""
        self._found = 0
        self._pages = 0

    def more(self) -> bool:
        """Consume blanks. Returns whether something else follows in this segment."""
        reader = self._reader
        while reader.in_segment:
            end = end_of(BLANK, reader.data, reader.at, reader.stop)
            if end > reader.at:
                reader.consume(end)
            # A byte order mark may be split between two chunks.
            left = reader.stop - reader.at
            if left > 2 or (left and reader.data[reader.at] != BOM[0]):
                return True
            if not reader.extend():
                return left > 0
        return False

    def value(
        self, level: int, context: EnvelopeContext = EnvelopeContext.NOTHING
    ) -> Generator[JsonSpan, None, bool]:
        """The value that begins here with a bracket; False if it is incomplete.

        A value that ends but cannot be parsed is opened, too, so that its readable elements count.
        """
        end = self._extent()
        span = None if end is None else self._read(end, level, context)
        if span:
            yield span
            return True
        if self._reader.data[self._reader.at] == _ARRAY and level < LEVELS:
            return (yield from self._array(level))
        return (yield from self._object(level, context))

    def _read(self, end: int, level: int, context: EnvelopeContext) -> JsonSpan | None:
        """The value `data[at:end]`, unless it cannot be parsed."""
        reader = self._reader
        byte, line = reader.offset, reader.line
        with memoryview(reader.data)[reader.at : end] as raw:
            try:
                contents = self._interpreter.contents(parse(raw), raw, context)
            except Unparsable:
                return None
        reader.consume(end)
        return self.span(contents, byte, line, ends_value=level == 0)

    def _extent(self) -> int | None:
        """The index after the value that begins here, if it ends within the window."""
        reader, scan, done = self._reader, Scan(), 0
        while True:
            done = scan.advance(reader.data, reader.at + done, reader.stop) - reader.at
            if scan.ended:
                return reader.at + done if done <= self._window else None
            if reader.stop - reader.at >= self._window or not reader.extend():
                return None

    def _scalar(self) -> int | None:
        """The same for a value without brackets."""
        reader = self._reader
        while True:
            match = SCALAR.match(reader.data, reader.at, reader.stop)
            if match and (match.end() < reader.stop or reader.segment_ends):
                return match.end() if match.end() - reader.at <= self._window else None
            if reader.stop - reader.at > self._window or reader.segment_ends:
                return None
            reader.extend()

    def _array(self, level: int) -> Generator[JsonSpan, None, bool]:
        reader = self._reader
        reader.consume(reader.at + 1)
        while self.more():
            char = reader.data[reader.at]
            if char == _ARRAY_END:
                reader.consume(reader.at + 1)
                return True
            if char in OPENING:
                if not (yield from self.value(level + 1)):
                    return False
            elif (end := self._scalar()) is not None:
                yield self.plain(end, level + 1)
            else:
                yield self.unreadable_rest(self.gather(), self.unexpected())
                return False
        yield self.unreadable_rest(self.gather(), "")
        return False

    def _object(self, level: int, context: EnvelopeContext) -> Generator[JsonSpan, None, bool]:
        """An object: its wrapper members are opened, the rest of it is collected."""
        reader, own, scan, opened = self._reader, self.gather(), Scan(), False
        before = self._found, self._records
        while not scan.ended:
            end = scan.advance(reader.data, reader.at, reader.stop, members=level < LEVELS)
            self._take(end, own)
            if scan.at_member and self._is_wrapper(own):
                success = own.holds(self._interpreter.success)
                inside = EnvelopeContext.SUCCESS if success else EnvelopeContext.ENVELOPE
                own.add(b"null")
                opened = True
                scan.skip_member()
                if not (yield from self.value(level + 1, inside)):
                    return False
            elif not (scan.at_member or scan.ended or reader.extend()):
                yield self.unreadable_rest(own, "")
                return False
        contents = self._envelope(own, *before) if opened else self._whole(own, context)
        own.kept = bytearray()
        yield self.span(contents, own.byte, own.line, ends_value=level == 0)
        return True

    def _take(self, end: int, own: CappedBuffer) -> None:
        with memoryview(self._reader.data)[self._reader.at : end] as piece:
            own.add(piece)
        self._reader.consume(end)

    def _is_wrapper(self, own: CappedBuffer) -> bool:
        """Whether to open the member that begins here, by its name and its envelope."""
        if not own.whole:
            return False
        key = _KEY.search(own.kept, max(0, len(own.kept) - _LONGEST_KEY))
        if key is None or key[1].decode() not in self._interpreter.wrappers:
            return False
        return not own.holds(self._interpreter.closed)

    def gather(self) -> CappedBuffer:
        return CappedBuffer(self._reader.offset, self._reader.line, self._max_record)

    def unexpected(self) -> str:
        return f"not valid JSON: unexpected {bytes([self._reader.data[self._reader.at]])!r}"

    def plain(self, end: int, level: int) -> JsonSpan:
        """`data[at:end]` as one record, whatever its content."""
        reader = self._reader
        byte, line = reader.offset, reader.line
        with memoryview(reader.data)[reader.at : end] as raw:
            contents = self._contents(raw, EnvelopeContext.NOTHING)
        reader.consume(end)
        return self.span(contents, byte, line, ends_value=level == 0)

    def _whole(self, own: CappedBuffer, context: EnvelopeContext) -> list[Content | Hint]:
        return self._contents(own.kept, context) if own.whole else [self._too_long(own)]

    def _too_long(self, own: CappedBuffer) -> Unreadable:
        detail = f"{own.size:,} bytes are more than source.max_record ({own.limit:,})"
        return own.unreadable("too-long", detail)

    def _contents(self, raw: Raw, context: EnvelopeContext) -> list[Content | Hint]:
        try:
            return self._interpreter.contents(parse(raw), raw, context)
        except Unparsable as error:
            return [CappedBuffer.of(raw).unreadable(error.reason, str(error))]

    def _envelope(self, own: CappedBuffer, found: int, records: int) -> list[Content | Hint]:
        """The contents of the rest of an object. `found` and `records` are the counts before it."""
        found, records = self._found - found, self._records - records
        if not own.whole:
            return [] if found else [self._too_long(own)]
        try:
            return self._interpreter.envelope(parse(own.kept), found, records)
        except Unparsable as error:
            return [own.unreadable(error.reason, str(error))]

    def unreadable_rest(self, own: CappedBuffer, detail: str) -> JsonSpan:
        """The rest of the segment as one unreadable value; without `detail`, an incomplete one."""
        reader = self._reader
        self._take(reader.stop, own)
        while reader.extend():
            self._take(reader.stop, own)
        breaks_off = reader.ends_here and not detail
        reason, detail = "invalid-json", detail or "not valid JSON: it ends within a value"
        if reader.ends_here and reader.damage:
            reason, detail = reader.damage.reason, reader.damage.detail
            self.damage_reported = True
        elif breaks_off:
            reason, detail = "truncated", "the input ends within a value"
        contents: list[Content | Hint] = [own.unreadable(reason, detail)]
        if not (self.damage_reported or breaks_off):
            return self.span(contents, own.byte, own.line, ends_value=True)
        contents.append(Note(f"{detail}, {self._whereabouts(own)}", True, reason))
        # The segment is not ended, so that resuming after it does not report the damage again.
        return self.span(contents, own.byte, own.line, ends_value=False)

    def _whereabouts(self, own: CappedBuffer) -> str:
        if self._pages:
            return f"after {self._pages:,} documents of it, at byte {self._reader.offset:,}"
        return f"at line {own.line:,}, byte {self._reader.offset:,}"

    def span(
        self, contents: list[Content | Hint], byte: int, line: int, *, ends_value: bool
    ) -> JsonSpan:
        """A span; counts its contents. The last outermost value (`ends_value`) ends the segment, so
        that the position after it is the beginning of the next segment.
        """
        reader = self._reader
        length = reader.offset - byte
        self._found += len(contents)
        self._records += sum(isinstance(one, Document | Skipped | Unreadable) for one in contents)
        self._pages += sum(isinstance(content, Document | Skipped) for content in contents)
        ends_segment = ends_value and reader.in_segment and not self.more()
        if ends_segment:
            reader.end_segment()
        segment, segment_line = self._segment, self._segment_line
        return JsonSpan(contents, byte, line, length, segment, segment_line, ends_segment)
