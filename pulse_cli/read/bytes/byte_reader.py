"""Reads the bytes of one input from the front, and keeps offset, line and CRC-32.

`ByteReader` owns the only copy of what was read and not yet consumed. Consuming bytes advances
offset, line and running CRC-32 together. So a position taken from a reader describes exactly the
bytes before it, and no byte is read twice or skipped.

An input is a sequence of **segments**: lines, pretty-printed blocks, or the whole input. Nothing
is read across the end of a segment, so damage in one segment does not spread to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from zlib import crc32


class Segments(Enum):
    """What ends a segment.

    LINES: a newline. BLOCKS: a newline before a bracket in column 0 (values printed with
    indentation, one after another). WHOLE: the end of the input.
    """

    LINES = "lines"
    BLOCKS = "blocks"
    WHOLE = "whole"


_BLOCK_END = re.compile(rb"\n(?=[{\[])")


class Damaged(Exception):
    """The stored bytes end too early, or are damaged. An iterator of chunks raises it at its end.

    `reason` is that of the dead letter.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class ByteReader:
    """Chunks of bytes as one input; see the module.

    `data[at:]` is read and not consumed, `data[at:stop]` is its part in the present segment.
    `segment_ends`: `stop` is the end of the segment, and not only of what was read. `in_segment`:
    a segment was begun and not ended. `damage` is set when the chunks ended with `Damaged`.

    The chunks may be a range of the input, which begins at byte `start` on `line` and is `followed`
    by more of the input. `crc` is that of the range. With `taken_over` it is that of the whole
    input, although the bytes before the range are not read: `agrees` gets it once.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        start: int = 0,
        line: int = 1,
        *,
        followed: bool = False,
        taken_over: bool = False,
    ) -> None:
        self._chunks = chunks
        self._followed = followed
        self._taken_over = taken_over
        self._base = start
        self._ended = False
        self._segments = Segments.WHOLE
        self.data = b""
        self.at = 0
        self.stop = 0
        self.in_segment = False
        self.segment_ends = False
        self.crc = 0
        self.line = line
        self.damage: Damaged | None = None

    @property
    def offset(self) -> int:
        """The offset in the input of the first byte not consumed."""
        return self._base + self.at

    @property
    def ends_here(self) -> bool:
        """Whether the present segment is the last of the input. Its end must have been read."""
        return self._ended and self.stop == len(self.data)

    def split(self, segments: Segments) -> None:
        """Set what ends a segment. To be called between segments."""
        self._segments = segments

    def more(self) -> bool:
        """Read another chunk after what is there; False at the end of the input."""
        if self._ended:
            return False
        try:
            chunk = next(self._chunks, b"")
        except Damaged as damage:
            self.damage = damage
            chunk = b""
        if not chunk:
            self._ended = True
            return False
        self._base += self.at
        self.stop -= self.at
        self.data = self.data[self.at :] + chunk
        self.at = 0
        return True

    def extend(self) -> bool:
        """Read more of the present segment; False where it ends."""
        if self.segment_ends:
            return False
        self.more()
        before = self.stop
        self._find_end()
        return self.stop > before or not self.segment_ends

    def begin_segment(self) -> bool:
        """Look for the end of the segment that begins here; False at the end of the input."""
        if self.at == len(self.data) and not self.more():
            self.stop = self.at
            self.segment_ends = True
            return False
        self.stop = self.at
        self.in_segment = True
        self.segment_ends = False
        self._find_end()
        return True

    def end_segment(self) -> None:
        """Consume the newline that ends this segment, after its content was consumed."""
        if self.at < len(self.data):
            self.crc = crc32(b"\n", self.crc)
            self.line += 1
            self.at += 1
            self.in_segment = False

    def _find_end(self) -> None:
        data = self.data
        found = -1
        if self._segments is Segments.LINES:
            found = data.find(b"\n", self.stop)
        elif self._segments is Segments.BLOCKS:
            match = _BLOCK_END.search(data, self.stop)
            found = match.start() if match else -1
        if found >= 0:
            self.stop = found
            self.segment_ends = True
        elif self._ended:
            self.stop = len(data)
            self.segment_ends = True
        else:
            # A newline at the very end may turn out to end a block.
            pending = self._segments is Segments.BLOCKS and data.endswith(b"\n")
            self.stop = max(self.stop, len(data) - pending)

    def consume(self, end: int) -> None:
        """Consume `data[at:end]`."""
        view = memoryview(self.data)[self.at : end]
        self.crc = crc32(view, self.crc)
        self.line += self.data.count(b"\n", self.at, end)
        self.at = end

    def consume_line(self) -> None:
        """Consume the present segment, which must be one line, with its newline."""
        end = min(self.stop + 1, len(self.data))
        self.crc = crc32(memoryview(self.data)[self.at : end], self.crc)
        self.line += end > self.stop
        self.at = end
        self.in_segment = False

    def agrees(self, crc: int) -> bool:
        """Whether the consumed bytes have this CRC-32; with `taken_over` the first call sets it."""
        if self._taken_over:
            self.crc, self._taken_over = crc, False
        return self.crc == crc

    def skip_to(self, offset: int) -> bool:
        """Consume up to `offset`, in chunks; False where the input ends before."""
        while self.offset < offset:
            if self.at == len(self.data) and not self.more():
                return False
            self.consume(min(len(self.data), self.at + offset - self.offset))
        return True

    def last(self, reach: int) -> bool:
        """Whether only blanks follow within `reach` bytes. Consumes nothing."""
        while True:
            if self.data[self.at :].strip():
                return False
            if len(self.data) - self.at > reach:
                return False
            if not self.more():
                return not self._followed
