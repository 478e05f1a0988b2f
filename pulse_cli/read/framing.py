"""Cuts an input into JSON values and hands each, parsed, to the one who knows shapes.

Guarantees: every byte of the input belongs to exactly one frame (a frame reaches from where
the one before ended to where the feed stands when it is yielded); every value is interpreted
exactly once; memory is bounded by `window` + the longest document, whatever the input.

A segment that fits in the window and parses is one frame: that is the fast path, and all there
is for JSON lines. Anything else is cut up by brackets (`scan`). A value that does not end within
the window is **opened**: arrays, and members that hold documents by name (`{"data": [...]}`), are
read element by element, so that a crawl response of any size streams; what is left of the object
around them is interpreted last. A value that is no such envelope is gathered, up to `max_record`.
Whether a value is opened depends on its own bytes alone, so a resumed reading opens the same.

Where a value breaks off, its readable elements were yielded before, and the rest of the segment
is one lost frame.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

import orjson

from pulse_cli.model import Document, NoDocument, Note, Skipped, Unreadable
from pulse_cli.read.feed import Feed, Segments
from pulse_cli.read.frame import Content, Frame, Gathered, Hint, Interpreter, Raw
from pulse_cli.read.parse import Unparsable, parse
from pulse_cli.read.scan import OPENING, Scan, next_bracket

WINDOW = 1024 * 1024
"""Bytes. A value up to this long is read whole."""

LEVELS = 5
"""How deep objects and arrays are opened; what lies deeper is gathered whole."""

_BLANK = re.compile(rb"(?:[ \t\r\n,]|\xef\xbb\xbf)*+")
"""What may stand between values: also a comma, and a byte order mark (concatenated files)."""
_SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,"{}\[\]:]++', re.DOTALL)
_KEY = re.compile(rb'"([A-Za-z_]{1,32})"\s{0,64}:\s{0,64}\Z')
_ARRAY = ord("[")
_ARRAY_END = ord("]")


class Framer:
    """Frames of one input, from where its feed stands.

    `window` is there to be made small by tests: what is read must not depend on it.
    """

    def __init__(
        self,
        feed: Feed,
        segments: Segments,
        interpreter: Interpreter,
        max_record: int,
        window: int = WINDOW,
    ) -> None:
        self._feed = feed
        self._lines = segments is Segments.LINES
        self._interpreter = interpreter
        self._max_record = max_record
        self._window = min(window, max_record)
        self._top = 0
        self._top_line = 1
        self._found = 0
        self._pages = 0
        self._told = False
        feed.split(segments)

    def frames(self) -> Iterator[Frame]:
        feed = self._feed
        while feed.begin_segment():
            while not feed.segment_ends and feed.stop - feed.at <= self._window and feed.extend():
                pass
            frame = self._segment() if self._in_window() else None
            if frame:
                yield frame
            else:
                yield from self._values()
        if feed.damage and not self._told:
            self._begin_top()
            yield self._lost(Gathered(feed.offset, feed.line, self._max_record), "")

    def _in_window(self) -> bool:
        return self._feed.segment_ends and self._feed.stop - self._feed.at <= self._window

    def _segment(self) -> Frame | None:
        """The segment as one frame, if it is exactly one value: the fast path."""
        feed = self._feed
        with memoryview(feed.data)[feed.at : feed.stop] as raw:
            length = len(raw)
            try:
                contents = self._interpreter.contents(orjson.loads(raw), raw, False)
            except orjson.JSONDecodeError:
                return None
        byte, line = feed.offset, feed.line
        if self._lines:
            feed.consume_line()
        else:
            feed.consume(feed.stop)
            feed.end_segment()
        return Frame(contents, byte, line, length, byte, line, True)

    def _values(self) -> Iterator[Frame]:
        """The segment value by value, to its end."""
        feed = self._feed
        self._begin_top()
        # In the middle of a line (resumed there) it was separable, or too long to be looked at.
        if self._lines and feed.begins_line and self._in_window() and not self._separable():
            yield self._lost(self._gather(), "more than JSON values in this line")
            return
        if not self._more():
            feed.end_segment()
            yield self._frame([NoDocument("blank-line")], self._top, self._top_line, closes=True)
            return
        while self._more():
            self._begin_top()
            if feed.data[feed.at] not in OPENING:
                yield self._lost(self._gather(), self._unexpected())
            elif (end := self._extent()) is not None:
                yield self._element(end, level=0)
            else:
                yield from self._opened(0)
        if feed.in_segment:
            feed.end_segment()

    def _separable(self) -> bool:
        """Whether this line is nothing but values side by side (the last may break off).

        Otherwise it is better lost as a whole: one line, one record.
        """
        feed, at = self._feed, self._feed.at
        while at < feed.stop:
            match = _BLANK.match(feed.data, at, feed.stop)
            at = match.end() if match else at
            if at == feed.stop:
                break
            if feed.data[at] not in OPENING:
                return False
            end = Scan().end(feed.data, at, feed.stop)
            at = feed.stop if end is None else end
        return True

    def _begin_top(self) -> None:
        self._top = self._feed.offset
        self._top_line = self._feed.line
        self._found = 0
        self._pages = 0

    def _more(self) -> bool:
        """Consume blanks; whether something else follows in this segment."""
        feed = self._feed
        while feed.in_segment:
            match = _BLANK.match(feed.data, feed.at, feed.stop)
            if match and match.end() > feed.at:
                feed.consume(match.end())
            if feed.at < feed.stop:
                return True
            if not feed.extend():
                return False
        return False

    def _extent(self) -> int | None:
        """The index behind the value that begins here, if it ends within the window."""
        feed, scan = self._feed, Scan()
        while True:
            end = scan.end(feed.data, feed.at, feed.stop)
            if end is not None:
                return end if end - feed.at <= self._window else None
            if feed.stop - feed.at >= self._window or not feed.extend():
                return None

    def _scalar(self) -> int | None:
        """The same for a value without brackets."""
        feed = self._feed
        while True:
            match = _SCALAR.match(feed.data, feed.at, feed.stop)
            if match and (match.end() < feed.stop or feed.segment_ends):
                return match.end() if match.end() - feed.at <= self._window else None
            if feed.stop - feed.at > self._window or not feed.extend():
                return None

    def _opened(self, level: int) -> Generator[Frame, None, bool]:
        """A value that does not end within the window; False where it breaks off."""
        if self._feed.data[self._feed.at] == _ARRAY and level < LEVELS:
            return (yield from self._array(level))
        return (yield from self._object(level))

    def _array(self, level: int) -> Generator[Frame, None, bool]:
        feed = self._feed
        feed.consume(feed.at + 1)
        while self._more():
            char = feed.data[feed.at]
            if char == _ARRAY_END:
                feed.consume(feed.at + 1)
                return True
            nested = char in OPENING
            end = self._extent() if nested else self._scalar()
            if end is not None:
                yield self._element(end, level + 1)
            elif nested:
                if not (yield from self._opened(level + 1)):
                    return False
            else:
                yield self._lost(self._gather(), self._unexpected())
                return False
        yield self._lost(self._gather(), "")
        return False

    def _object(self, level: int) -> Generator[Frame, None, bool]:
        """An object, its wrapper members opened, the rest of it gathered."""
        feed, own, depth, opened = self._feed, self._gather(), 0, False
        while (bracket := self._next_bracket(own)) is not None:
            if bracket in OPENING:
                if depth == 1 and level < LEVELS and self._wraps(own):
                    own.add(b"null")
                    opened = True
                    if not (yield from self._opened(level + 1)):
                        return False
                    continue
                depth += 1
            else:
                depth -= 1
            own.add(feed.data[feed.at : feed.at + 1])
            feed.consume(feed.at + 1)
            if depth == 0:
                contents = self._envelope(own) if opened else self._whole(own, level)
                own.kept = bytearray()
                yield self._frame(contents, own.byte, own.line, closes=level == 0)
                return True
        yield self._lost(own, "")
        return False

    def _next_bracket(self, own: Gathered) -> int | None:
        """Gather up to the next bracket outside strings; None where the segment ends before."""
        feed, inside = self._feed, False
        while True:
            index, inside = next_bracket(feed.data, feed.at, feed.stop, inside)
            with memoryview(feed.data)[feed.at : index] as piece:
                own.add(piece)
            feed.consume(index)
            if index < feed.stop and not inside:
                return feed.data[index]
            if not feed.extend():
                return None

    def _wraps(self, own: Gathered) -> bool:
        """Whether the member that begins here is to be opened: by its name, in an envelope."""
        if not own.whole:
            return False
        key = _KEY.search(own.kept, max(0, len(own.kept) - 200))
        if key is None or key[1].decode() not in self._interpreter.wrappers:
            return False
        return not own.holds(self._interpreter.closed)

    def _gather(self) -> Gathered:
        return Gathered(self._feed.offset, self._feed.line, self._max_record)

    def _unexpected(self) -> str:
        return f"not valid JSON: unexpected {bytes([self._feed.data[self._feed.at]])!r}"

    def _element(self, end: int, level: int) -> Frame:
        """The value `data[at:end]`."""
        feed = self._feed
        byte, line = feed.offset, feed.line
        with memoryview(feed.data)[feed.at : end] as raw:
            contents = self._contents(raw, level)
        feed.consume(end)
        return self._frame(contents, byte, line, closes=level == 0)

    def _whole(self, own: Gathered, level: int) -> list[Content | Hint]:
        if not own.whole:
            detail = f"{own.size:,} bytes are more than source.max_record ({own.limit:,})"
            return [own.unreadable("too-long", detail)]
        return self._contents(own.kept, level)

    def _contents(self, raw: Raw, level: int) -> list[Content | Hint]:
        try:
            return self._interpreter.contents(parse(raw), raw, level > 0)
        except Unparsable as error:
            return [Unreadable(error.reason, str(error), raw=bytes(raw))]

    def _envelope(self, own: Gathered) -> list[Content | Hint]:
        if not own.whole:
            return []
        try:
            return self._interpreter.envelope(parse(own.kept), self._found)
        except Unparsable as error:
            return [own.unreadable(error.reason, str(error))]

    def _lost(self, own: Gathered, detail: str) -> Frame:
        """The rest of the segment as one unreadable value. Without detail it breaks off."""
        feed = self._feed
        while True:
            with memoryview(feed.data)[feed.at : feed.stop] as piece:
                own.add(piece)
            feed.consume(feed.stop)
            if not feed.extend():
                break
        cut = feed.ends_here and not detail
        reason, detail = "invalid-json", detail or "not valid JSON: it ends within a value"
        if feed.ends_here and feed.damage:
            reason, detail = feed.damage.reason, feed.damage.detail
            self._told = True
        elif cut:
            reason, detail = "truncated", "the input ends within a value"
        contents: list[Content | Hint] = [own.unreadable(reason, detail)]
        if self._told or cut:
            contents.append(Note(f"{detail}, {self._whereabouts(own)}"))
        return self._frame(contents, own.byte, own.line, closes=True)

    def _whereabouts(self, own: Gathered) -> str:
        if self._pages:
            return f"after {self._pages:,} documents of it, at byte {self._feed.offset:,}"
        return f"at line {own.line:,}, byte {self._feed.offset:,}"

    def _frame(
        self, contents: list[Content | Hint], byte: int, line: int, *, closes: bool
    ) -> Frame:
        """Counts, and ends the segment with its last value, so that positions lie behind it."""
        length = self._feed.offset - byte
        self._found += len(contents)
        self._pages += sum(isinstance(content, Document | Skipped) for content in contents)
        if closes and not self._more() and self._feed.in_segment:
            self._feed.end_segment()
        return Frame(contents, byte, line, length, self._top, self._top_line, closes)
