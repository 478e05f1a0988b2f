"""Detects how an input is divided into values, by its first bytes and not by its name.

Nothing is consumed. The result depends on the beginning of the input alone, so a resumed run gets
the same one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import chain

from pulse_cli.read.bytes.byte_reader import ByteReader, Segments
from pulse_cli.read.bytes.inputs import SUFFIXES
from pulse_cli.read.bytes.unpack import is_plain
from pulse_cli.read.framing.framing import WINDOW
from pulse_cli.read.framing.parse import Unparsable, parse
from pulse_cli.read.framing.scan import BOM

_LINE_NAMES = (".jsonl", ".ndjson")
_OBJECT = re.compile(rb'\s*+(?:\[\s*+)?\{\s*+"[^"\n]{0,200}"\s*+:')


class Kind(Enum):
    """The form of an input."""

    LINES = "lines"
    BLOCKS = "blocks"
    WHOLE = "whole"
    MARKDOWN = "markdown"
    OTHER = "other"
    EMPTY = "empty"

    @property
    def is_json(self) -> bool:
        return self in (Kind.LINES, Kind.BLOCKS, Kind.WHOLE)

    @property
    def segments(self) -> Segments:
        """How JSON is divided."""
        return Segments(self.value)


def detect(reader: ByteReader, name: str, *, addressed: bool = False) -> Kind:
    """The form by the first bytes, at most a window. `name` decides only if they are ambiguous.

    `addressed`: the user gave the address of the page, so the input may be one.
    """
    plain = name.removesuffix(".gz").removesuffix(".zst").lower()
    page = plain.endswith(".md") or (addressed and not plain.endswith(SUFFIXES))
    while len(reader.data) - reader.at < WINDOW:
        if _lines_for_sure(reader.data[reader.at :]) or not reader.more():
            break
    head = reader.data[reader.at : reader.at + WINDOW].removeprefix(BOM)
    if not head:
        return Kind.LINES if reader.damage else Kind.EMPTY
    if page and not _OBJECT.match(head):
        return Kind.MARKDOWN
    if not head.strip():
        return Kind.LINES
    return _of_json(head, plain.endswith(_LINE_NAMES))


def kind_if_plain(stored: Iterator[bytes], name: str, *, addressed: bool = False) -> Kind | None:
    """The form of an input; None if its stored bytes need decoding (`unpack`)."""
    head = next(stored, b"")
    if not is_plain(head):
        return None
    return detect(ByteReader(chain((head,), stored)), name, addressed=addressed)


def _lines_for_sure(head: bytes) -> bool:
    """Whether the first line is a whole value, and something follows it."""
    first, newline, rest = head.removeprefix(BOM).lstrip().partition(b"\n")
    return bool(newline) and bool(rest.strip()) and _parses(first)


def _of_json(head: bytes, named_lines: bool) -> Kind:
    first, newline, rest = head.lstrip().partition(b"\n")
    opens = first[:1] in (b"{", b"[")
    if _parses(first):
        return Kind.LINES
    if not newline:
        # One line fills the whole window.
        return Kind.LINES if named_lines else Kind.WHOLE if opens else Kind.OTHER
    if not opens or first[:1] == b"{":
        complete = rest.rsplit(b"\n", 1)[0].split(b"\n") if b"\n" in rest else [rest]
        if any(line[:1] == b"{" and line.strip() != b"{}" and _parses(line) for line in complete):
            return Kind.LINES
    if not opens:
        return Kind.LINES if named_lines else Kind.OTHER
    return Kind.BLOCKS if rest[:1] in (b" ", b"\t") else Kind.WHOLE


def _parses(line: bytes) -> bool:
    try:
        parse(line)
    except Unparsable:
        return False
    return True
