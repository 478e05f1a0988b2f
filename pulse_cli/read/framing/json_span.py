"""The spans that an input is cut into (`JsonSpan`), and a buffer for the bytes of a value."""

from __future__ import annotations

import re
import sys
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias
from zlib import crc32

from pulse_cli.model import Document, NoDocument, Note, Skipped, Unreadable

Content: TypeAlias = Document | Skipped | Unreadable | NoDocument | Note
Raw: TypeAlias = bytes | bytearray | memoryview

EXCERPT = 4096
"""Bytes of a too long value that are kept in its dead letter."""

KEPT = 8 * 1024 * 1024
"""Bytes. Unreadable values up to this length are kept whole, for a retry."""


OVERHEAD = 1024
"""Approximate memory of a record besides its text, in bytes."""


class EnvelopeContext(Enum):
    """Whether a value is a member of an envelope, and whether the envelope reports success."""

    NOTHING = 0
    ENVELOPE = 1
    SUCCESS = 2


class Hint(NamedTuple):
    """A note that counts only if nothing follows the value in its input.

    `kind` and `partial` as of a `Note`.
    """

    message: str
    kind: str
    partial: bool = False


class JsonSpan(NamedTuple):
    """A range of the input with its contents.

    `byte`, `line` and `length` are those of the value; `segment` and `segment_line` are the
    beginning of its segment. `ends_segment`: the next segment begins after this span, so reading
    can be resumed there. The consumer empties `contents`.
    """

    contents: list[Content | Hint]
    byte: int
    line: int
    length: int
    segment: int
    segment_line: int
    ends_segment: bool


class Interpreter(Protocol):
    """Knows what documents a value holds (`shapes.Shapes`)."""

    @property
    def wrappers(self) -> frozenset[str]:
        """Names of members that hold documents, so that they are worth opening ..."""
        ...

    @property
    def closed(self) -> re.Pattern[bytes]:
        """... unless this is found in the object before them."""
        ...

    @property
    def success(self) -> re.Pattern[bytes]:
        """Found in an object that reports success."""
        ...

    def contents(self, value: Any, raw: Raw, context: EnvelopeContext) -> list[Content | Hint]:
        """The contents of a whole value; `raw` are its bytes."""
        ...

    def envelope(self, value: Any, found: int, records: int) -> list[Content | Hint]:
        """The contents of the rest of an object whose opened members are null now.

        The members held `found` contents, of which `records` were pages or unreadable values.
        """
        ...


def cost(content: Content, length: int = 0) -> int:
    """The approximate memory in bytes; `length` is that of the value it was read from."""
    if isinstance(content, Document):
        return sys.getsizeof(content.text) + OVERHEAD
    if isinstance(content, Unreadable):
        return OVERHEAD + (len(content.raw) if content.raw else length if content.record else 0)
    return OVERHEAD


def checksum(content: Content, before: int) -> int:
    """The CRC-32 of the content of a record, continuing that of the records `before` it."""
    match content:
        case Document():
            mark = f"{content.url}\n{content.text}"
        case Skipped() | Unreadable():
            mark = f"{content.reason}\n{content.url}"
        case _:
            mark = type(content).__name__
    return crc32(mark.encode(errors="replace"), before)


class CappedBuffer:
    """The bytes of one value. All are counted; a value longer than `limit` is cut to an excerpt."""

    __slots__ = ("_found", "_searched", "byte", "kept", "limit", "line", "size")

    def __init__(self, byte: int, line: int, limit: int) -> None:
        self.byte = byte
        self.line = line
        self.limit = limit
        self.kept = bytearray()
        self.size = 0
        self._found: set[re.Pattern[bytes]] = set()
        self._searched: dict[re.Pattern[bytes], int] = {}

    @classmethod
    def of(cls, raw: Raw) -> CappedBuffer:
        """A buffer of bytes that are complete."""
        gathered = cls(0, 1, len(raw))
        gathered.add(bytes(raw[: KEPT + 1]))
        gathered.size = len(raw)
        return gathered

    def add(self, piece: Raw) -> None:
        self.size += len(piece)
        if self.size <= self.limit:
            self.kept += piece
        else:
            if len(self.kept) < EXCERPT:
                self.kept += piece[: EXCERPT - len(self.kept)]
            del self.kept[EXCERPT:]

    @property
    def whole(self) -> bool:
        return self.size <= self.limit

    def holds(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether the pattern occurs. A further call searches only what was added since.

        To be called only where no match can be incomplete: after the name of a member.
        """
        if pattern not in self._found:
            if pattern.search(self.kept, self._searched.get(pattern, 0)):
                self._found.add(pattern)
            self._searched[pattern] = len(self.kept)
        return pattern in self._found

    def unreadable(self, reason: str, detail: str) -> Unreadable:
        """These bytes as one dead letter."""
        if self.size and self.whole and self.size <= KEPT:
            return Unreadable(reason, detail, raw=bytes(self.kept))
        excerpt = bytes(self.kept[:EXCERPT]).decode(errors="replace")
        return Unreadable(reason, detail, excerpt=excerpt)
