"""One JSON value after another, whole or opened: what `framing` makes frames of.

A value that ends within the window is read whole. A longer one is **opened**: arrays, and members
that hold documents by name (`{"data": [...]}`), are read element by element, so that a crawl
response of any size streams; what is left of the object around them is interpreted last. A value
that is no such envelope is gathered, up to `max_record`. Whether a value is opened depends on its
own bytes alone, so a resumed reading opens the same. Where it breaks off, its readable elements
were given before, and the rest of the segment is one lost frame.
"""

from __future__ import annotations

import re
from collections.abc import Generator

from pulse_cli.model import Document, Note, Skipped
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
"""How deep objects and arrays are opened; what lies deeper is gathered whole."""

_KEY = re.compile(rb'"([A-Za-z_]{1,32})"\s{0,64}:\s{0,64}\Z')
_SUCCESS = re.compile(rb'"success"\s*+:\s*+true')
_ARRAY = ord("[")
_ARRAY_END = ord("]")


class Values:
    """The values of the segments of a feed. `told`: its damage is reported."""

    def __init__(
        self, feed: ByteReader, interpreter: Interpreter, max_record: int, window: int
    ) -> None:
        self._feed = feed
        self._interpreter = interpreter
        self._max_record = max_record
        self._window = window
        self._top = 0
        self._top_line = 1
        self._found = 0
        self._pages = 0
        self.told = False

    def begin(self) -> None:
        self._top = self._feed.offset
        self._top_line = self._feed.line
        self._found = 0
        self._pages = 0

    def more(self) -> bool:
        """Consume blanks; whether something else follows in this segment."""
        feed = self._feed
        while feed.in_segment:
            end = end_of(BLANK, feed.data, feed.at, feed.stop)
            if end > feed.at:
                feed.consume(end)
            # A byte order mark may lie across two chunks.
            left = feed.stop - feed.at
            if left > 2 or (left and feed.data[feed.at] != BOM[0]):
                return True
            if not feed.extend():
                return left > 0
        return False

    def value(
        self, level: int, around: EnvelopeContext = EnvelopeContext.NOTHING
    ) -> Generator[JsonSpan, None, bool]:
        """The value that begins here with a bracket; False where it breaks off.

        What is broken within a whole value is opened, too, so that its readable elements count.
        """
        end = self._extent()
        frame = None if end is None else self._read(end, level, around)
        if frame:
            yield frame
            return True
        if self._feed.data[self._feed.at] == _ARRAY and level < LEVELS:
            return (yield from self._array(level))
        return (yield from self._object(level, around))

    def _read(self, end: int, level: int, around: EnvelopeContext) -> JsonSpan | None:
        """The value `data[at:end]`, unless it cannot be parsed."""
        feed = self._feed
        byte, line = feed.offset, feed.line
        with memoryview(feed.data)[feed.at : end] as raw:
            try:
                contents = self._interpreter.contents(parse(raw), raw, around)
            except Unparsable:
                return None
        feed.consume(end)
        return self.frame(contents, byte, line, closes=level == 0)

    def _extent(self) -> int | None:
        """The index behind the value that begins here, if it ends within the window."""
        feed, scan, done = self._feed, Scan(), 0
        while True:
            done = scan.advance(feed.data, feed.at + done, feed.stop) - feed.at
            if scan.ended:
                return feed.at + done if done <= self._window else None
            if feed.stop - feed.at >= self._window or not feed.extend():
                return None

    def _scalar(self) -> int | None:
        """The same for a value without brackets."""
        feed = self._feed
        while True:
            match = SCALAR.match(feed.data, feed.at, feed.stop)
            if match and (match.end() < feed.stop or feed.segment_ends):
                return match.end() if match.end() - feed.at <= self._window else None
            if feed.stop - feed.at > self._window or feed.segment_ends:
                return None
            feed.extend()

    def _array(self, level: int) -> Generator[JsonSpan, None, bool]:
        feed = self._feed
        feed.consume(feed.at + 1)
        while self.more():
            char = feed.data[feed.at]
            if char == _ARRAY_END:
                feed.consume(feed.at + 1)
                return True
            if char in OPENING:
                if not (yield from self.value(level + 1)):
                    return False
            elif (end := self._scalar()) is not None:
                yield self.plain(end, level + 1)
            else:
                yield self.lost(self.gather(), self.unexpected())
                return False
        yield self.lost(self.gather(), "")
        return False

    def _object(self, level: int, around: EnvelopeContext) -> Generator[JsonSpan, None, bool]:
        """An object, its wrapper members opened, the rest of it gathered."""
        feed, own, scan, opened = self._feed, self.gather(), Scan(), False
        while not scan.ended:
            end = scan.advance(feed.data, feed.at, feed.stop, members=level < LEVELS)
            self._take(end, own)
            if scan.at_member and self._wraps(own):
                inside = (
                    EnvelopeContext.SUCCESS
                    if _SUCCESS.search(own.kept)
                    else EnvelopeContext.ENVELOPE
                )
                own.add(b"null")
                opened = True
                scan.skip_member()
                if not (yield from self.value(level + 1, inside)):
                    return False
            elif not (scan.at_member or scan.ended or feed.extend()):
                yield self.lost(own, "")
                return False
        contents = self._envelope(own) if opened else self._whole(own, around)
        own.kept = bytearray()
        yield self.frame(contents, own.byte, own.line, closes=level == 0)
        return True

    def _take(self, end: int, own: CappedBuffer) -> None:
        with memoryview(self._feed.data)[self._feed.at : end] as piece:
            own.add(piece)
        self._feed.consume(end)

    def _wraps(self, own: CappedBuffer) -> bool:
        """Whether the member that begins here is to be opened: by its name, in an envelope."""
        if not own.whole:
            return False
        key = _KEY.search(own.kept, max(0, len(own.kept) - 200))
        if key is None or key[1].decode() not in self._interpreter.wrappers:
            return False
        return not own.holds(self._interpreter.closed)

    def gather(self) -> CappedBuffer:
        return CappedBuffer(self._feed.offset, self._feed.line, self._max_record)

    def unexpected(self) -> str:
        return f"not valid JSON: unexpected {bytes([self._feed.data[self._feed.at]])!r}"

    def plain(self, end: int, level: int) -> JsonSpan:
        """`data[at:end]` as one record, whatever it is."""
        feed = self._feed
        byte, line = feed.offset, feed.line
        with memoryview(feed.data)[feed.at : end] as raw:
            contents = self._contents(raw, EnvelopeContext.NOTHING)
        feed.consume(end)
        return self.frame(contents, byte, line, closes=level == 0)

    def _whole(self, own: CappedBuffer, around: EnvelopeContext) -> list[Content | Hint]:
        if not own.whole:
            detail = f"{own.size:,} bytes are more than source.max_record ({own.limit:,})"
            return [own.unreadable("too-long", detail)]
        return self._contents(own.kept, around)

    def _contents(self, raw: Raw, around: EnvelopeContext) -> list[Content | Hint]:
        try:
            return self._interpreter.contents(parse(raw), raw, around)
        except Unparsable as error:
            return [CappedBuffer.of(raw).unreadable(error.reason, str(error))]

    def _envelope(self, own: CappedBuffer) -> list[Content | Hint]:
        if not own.whole:
            return []
        try:
            return self._interpreter.envelope(parse(own.kept), self._found)
        except Unparsable as error:
            return [own.unreadable(error.reason, str(error))]

    def lost(self, own: CappedBuffer, detail: str) -> JsonSpan:
        """The rest of the segment as one unreadable value. Without detail it breaks off."""
        feed = self._feed
        self._take(feed.stop, own)
        while feed.extend():
            self._take(feed.stop, own)
        cut = feed.ends_here and not detail
        reason, detail = "invalid-json", detail or "not valid JSON: it ends within a value"
        if feed.ends_here and feed.damage:
            reason, detail = feed.damage.reason, feed.damage.detail
            self.told = True
        elif cut:
            reason, detail = "truncated", "the input ends within a value"
        contents: list[Content | Hint] = [own.unreadable(reason, detail)]
        if self.told or cut:
            contents.append(Note(f"{detail}, {self._whereabouts(own)}", partial=True))
        return self.frame(contents, own.byte, own.line, closes=True)

    def _whereabouts(self, own: CappedBuffer) -> str:
        if self._pages:
            return f"after {self._pages:,} documents of it, at byte {self._feed.offset:,}"
        return f"at line {own.line:,}, byte {self._feed.offset:,}"

    def frame(
        self, contents: list[Content | Hint], byte: int, line: int, *, closes: bool
    ) -> JsonSpan:
        """Counts, and ends the segment with its last value, so that positions lie behind it."""
        length = self._feed.offset - byte
        self._found += len(contents)
        self._pages += sum(isinstance(content, Document | Skipped) for content in contents)
        if closes and not self.more() and self._feed.in_segment:
            self._feed.end_segment()
        return JsonSpan(contents, byte, line, length, self._top, self._top_line, closes)
