"""The inputs of a run as one row of records, that can be taken up again at any of them.

Resuming is exact because a reading is taken up only where a segment begins (a line, a block, the
input), and what is read from there depends on the bytes from there on alone (`framing`). A resumed
reading goes through the bytes before its segment again, proves by their CRC-32 that they are the
same, and passes over the records of the segment that are done.

What a position means: `model.Position`. The last record of a segment stands at (offset of the next
segment, 0), any other at (offset of its segment, records done in it, bytes read). Notes and values
without documents count as records here, so that each is given once. What is given of a segment
that breaks off at the end of the input never stands after it: the input may grow.

An input may be a piece of a file (`pieces`). Then positions are within the piece.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from pulse_cli.errors import Fatal, SourceChanged
from pulse_cli.errors import Kind as Usage
from pulse_cli.events import Waiting
from pulse_cli.model import Input, Note, Place, Position, Record
from pulse_cli.read.bytes.byte_reader import ByteReader
from pulse_cli.read.bytes.files import InputReader
from pulse_cli.read.bytes.inputs import FIRECRAWL, INDEX, STDIN, crawl_path
from pulse_cli.read.bytes.unpack import unpacked
from pulse_cli.read.firecrawl.crawl import CrawlRecords
from pulse_cli.read.firecrawl.crawl_api import CrawlApi
from pulse_cli.read.firecrawl.file_address import Addresses, FileAddress
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.detect import Kind, detect
from pulse_cli.read.framing.framing import WINDOW, Framer
from pulse_cli.read.framing.json_span import Content, Hint, JsonSpan, cost
from pulse_cli.read.index_records import IndexRecords, StoredDocuments
from pulse_cli.read.joining import Limits, joined
from pulse_cli.read.options import ReadOptions
from pulse_cli.read.pieces import Piece
from pulse_cli.read.single import single_content


class InputSource:
    """`ports.Source` over files, pipes and remote crawls."""

    def __init__(
        self,
        inputs: Sequence[Input],
        notes: Sequence[Note],
        addresses: Addresses,
        options: ReadOptions,
        stdin: BinaryIO | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        window: int = WINDOW,
        pieces: Sequence[Piece] | None = None,
    ) -> None:
        """`pieces` are what is read of each input, None for all of it."""
        self._inputs = tuple(inputs)
        self._pieces = pieces or [Piece(one.name) for one in inputs]
        self.read_pieces: dict[int, tuple[int, int]] = {}  # CRC-32 and lines of what was read
        self._notes = tuple(notes)
        self._addresses = addresses
        self._options = options
        self._sleep = sleep
        self._now = now
        self._api: CrawlApi | None = None
        self._window = window
        self._shapes = Shapes(options)
        self._stored = InputReader(stdin)
        sizes = [one.size for one in inputs]
        self._total = None if None in sizes else sum(size or 0 for size in sizes)
        self._before = 0

    @property
    def inputs(self) -> Sequence[Input]:
        return self._inputs

    def progress(self) -> tuple[int, int | None]:
        return self._before + self._stored.read, self._total

    def waiting(self) -> Waiting | None:
        return self._api.waiting() if self._api is not None else None

    def check(self) -> None:
        """Ask for each remote crawl whether it can be had. Blocking. Raises Transient, Fatal."""
        for one in self._inputs:
            if one.name.startswith(FIRECRAWL):
                self._crawl_api(one.name).check()
            elif one.name.startswith(INDEX):
                self._stored_documents().check(one.name.removeprefix(INDEX))

    def records(self, start: Position) -> Iterator[Record]:
        if start == Position():
            for note in self._notes:
                yield Record(Place(""), start, note, 0)
        yield from joined(self._records, start, Limits(self._options.max_record))

    def _records(self, start: Position) -> Iterator[Record]:
        self._before = sum(one.size or 0 for one in self._inputs[: start.source])
        for index in range(start.source, len(self._inputs)):
            begin = start if index == start.source else Position(source=index)
            one = self._inputs[index]
            if one.name.startswith(FIRECRAWL):
                yield from self._crawl(index, one.name, begin)
            elif one.name.startswith(INDEX):
                stored = self._stored_documents()
                yield from IndexRecords(index, one.name, stored).records(begin)
            else:
                yield from self._piece(index, begin)

    def _stored_documents(self) -> StoredDocuments:
        if self._options.stored is None:
            raise Fatal("an index cannot be read here", hint="name files", kind=Usage.USAGE)
        return self._options.stored

    def _crawl(self, index: int, name: str, start: Position) -> Iterator[Record]:
        self._api = api = self._crawl_api(name)
        yield from CrawlRecords(index, name, api, self._shapes).records(start, self._count)

    def _crawl_api(self, name: str) -> CrawlApi:
        return CrawlApi(crawl_path(name), self._options, self._sleep, self._now)

    def _count(self, size: int) -> None:
        self._stored.read += size

    def _piece(self, index: int, start: Position) -> Iterator[Record]:
        piece = self._pieces[index]
        chunks = self._stored.chunks(piece.name, piece.start, piece.stop)
        if piece.is_whole:
            chunks = unpacked(chunks, self._options.max_expanded)
        reader = ByteReader(chunks, piece.start, piece.line, followed=piece.followed)
        yield from self._input(index, piece, reader, start)
        if piece.crc not in (None, reader.crc):
            raise _other_now(piece.name)
        self.read_pieces[index] = reader.crc, reader.line - piece.line

    def _input(
        self, index: int, piece: Piece, reader: ByteReader, start: Position
    ) -> Iterator[Record]:
        name = piece.name
        address = self._addresses.of(name)
        kind = Kind.LINES  # nothing else is cut
        if piece.is_whole:
            kind = detect(reader, name, addressed=address is not None)
        if not reader.skip_to(start.offset) or (start.item == 0 and reader.crc != start.crc):
            raise _changed(name, start)
        if not kind.is_json and start.item and start.fed:
            raise _changed(name, start)
        shown = "standard input" if name == STDIN else name
        if kind is Kind.EMPTY:
            if start.item == 0:
                at = Position(source=index, item=1)
                yield Record(Place(name), at, Note(f"{shown} is empty", True, "empty"), 0)
        elif kind in (Kind.MARKDOWN, Kind.OTHER):
            if start.offset == 0:
                yield self._single(index, name, reader, kind, address)
        else:
            shapes = self._shapes.of_file(address)
            framer = Framer(reader, kind.segments, shapes, self._options.max_record, self._window)
            yield from self._framed(index, name, reader, framer, start)

    def _single(
        self, index: int, name: str, reader: ByteReader, kind: Kind, address: FileAddress | None
    ) -> Record:
        """A file that is one page as a whole, or nothing that can be read."""
        content = single_content(
            reader, name, kind, address, self._shapes, self._options.max_record
        )
        size = reader.offset
        position = Position(index, size, 0, size, reader.crc, reader.line)
        return Record(Place(name, length=size), position, content, cost(content, size))

    def _framed(
        self, index: int, name: str, reader: ByteReader, framer: Framer, start: Position
    ) -> Iterator[Record]:
        """The records after `start`: those of its segment that are done are passed over."""
        segment, item = -1, 0
        # Of an input that was empty then, only the note was done.
        left = start.item if start.fed or not reader.data else 0
        for span in framer.spans():
            if span.segment != segment:
                segment, item = span.segment, 0
            if left and segment != start.offset:
                raise _changed(name, start)
            contents = _settled(name, span, reader)
            done = min(left, len(contents))
            left -= done
            if done and not left and (reader.offset, reader.crc) != (start.fed, start.crc):
                raise _changed(name, start)
            count = len(contents)
            yield from _records(index, name, span, reader, contents, item, done)
            item += count
        if left:
            raise _changed(name, start)


def _settled(name: str, span: JsonSpan, reader: ByteReader) -> list[Content]:
    """The contents of a span; hints become notes where nothing follows."""
    settled: list[Content] = []
    for content in span.contents:
        if isinstance(content, Hint):
            if span.ends_segment and reader.last(WINDOW):
                note = Note(f"{name}: {content.message}", content.partial, content.kind)
                settled.append(note)
        elif isinstance(content, Note):
            settled.append(replace(content, message=f"{name}: {content.message}"))
        else:
            settled.append(content)
    span.contents.clear()
    return settled


def _records(
    index: int,
    name: str,
    span: JsonSpan,
    reader: ByteReader,
    contents: list[Content],
    item: int,
    done: int,
) -> Iterator[Record]:
    """The contents as records, after the first `done`; gives them away as it goes.

    `item` records of the segment come before this span.
    """
    fed, crc, line = reader.offset, reader.crc, reader.line
    contents.reverse()
    del contents[len(contents) - done :]
    item += done
    while contents:
        item += 1
        content = contents.pop()
        if span.ends_segment and not contents:
            position = Position(index, fed, 0, fed, crc, line)
        else:
            position = Position(index, span.segment, item, fed, crc, span.segment_line)
        place = Place(name, span.line, span.byte, span.length)
        record = Record(place, position, content, cost(content, span.length))
        del content
        yield record
        del record


def _other_now(name: str) -> Fatal:
    return SourceChanged(
        f"{name} has changed while it was being indexed",
        hint="--restart indexes it from its beginning; so does --on-changed-source restart",
    )


def _changed(name: str, start: Position) -> Fatal:
    return SourceChanged(
        f"{name} is not what it was when this run began: it differs before byte {start.fed:,}",
        hint="--restart indexes it from its beginning; so does --on-changed-source restart",
    )
