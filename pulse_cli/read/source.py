"""Reads the inputs of a run as one sequence of records, which can be resumed at any record.

Resuming is exact: it begins at a segment (a line, a block, the input), and the records from there
depend only on the bytes from there on (`framing`). The bytes before the segment are read again,
their CRC-32 proves that they are the same, and the records of the segment that are done are
skipped. Of an uncompressed object the bytes before the segment are not read again, because its ETag
proves that they are the same.

For the meaning of a position see `model.Position`. The last record of a segment has the position
(offset of the next segment, 0), any other one (offset of its segment, records done in it, bytes
read). Notes and values without documents count as records here, so that each is given once. The
records of a segment that is incomplete at the end of the input never get a position after it,
because the input may grow.

An input may be a piece of a file (`pieces`). Then positions are within the piece.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
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
from pulse_cli.read.firecrawl.crawl import CrawlRecords, Follow
from pulse_cli.read.firecrawl.crawl_api import CrawlApi
from pulse_cli.read.firecrawl.file_address import Addresses, FileAddress
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.detect import Kind, detect, kind_if_plain
from pulse_cli.read.framing.framing import WINDOW, Framer
from pulse_cli.read.framing.json_span import Content, Hint, JsonSpan, cost
from pulse_cli.read.index_records import IndexRecords, StoredDocuments
from pulse_cli.read.joining import Limits, joined
from pulse_cli.read.objects.address import is_object
from pulse_cli.read.objects.bucket import OBJECTS_AHEAD
from pulse_cli.read.objects.ranges import Part
from pulse_cli.read.options import ReadOptions
from pulse_cli.read.pieces import Piece
from pulse_cli.read.single import single_content


class InputSource:
    """`ports.Source` over files, pipes, objects, indexes and remote crawls."""

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
        """`pieces` are the parts of the inputs to read, None for the whole inputs."""
        self._inputs = tuple(inputs)
        self._pieces = pieces or [Piece.whole(one) for one in inputs]
        self.read_pieces: dict[int, tuple[int, int]] = {}  # CRC-32 and lines of what was read
        self._notes = tuple(notes)
        self._addresses = addresses
        self._options = options
        self._sleep = sleep
        self._now = now
        self._api: CrawlApi | None = None
        self._window = window
        self._shapes = Shapes(options)
        self._stored = InputReader(options, stdin, sleep, now)
        sizes = [one.size for one in inputs]
        self._total = None if None in sizes else sum(size or 0 for size in sizes)
        self._before = 0

    @property
    def inputs(self) -> Sequence[Input]:
        return self._inputs

    def progress(self) -> tuple[int, int | None]:
        return self._before + self._stored.read, self._total

    def waiting(self) -> Waiting | None:
        of_crawl = self._api.waiting() if self._api is not None else None
        return of_crawl or self._stored.waiting()

    def check(self) -> None:
        """Check that remote crawls and indexes are available. Blocking. Raises Transient, Fatal."""
        for one in self._inputs:
            if one.name.startswith(FIRECRAWL):
                self._crawl_api(one.name).check()
            elif one.name.startswith(INDEX):
                self._stored_documents().check(one.name.removeprefix(INDEX))

    def records(self, start: Position) -> Generator[Record, None, None]:
        if start == Position():
            for note in self._notes:
                yield Record(Place(""), start, note, 0)
        try:
            yield from joined(self._records, start, Limits(self._options.max_record))
        finally:
            self._stored.close()

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
        follow = None
        if self._options.follow_up_to is not None:
            patience = self._options.give_up_after
            follow = Follow(self._options.follow_up_to, patience, self._sleep, self._now)
        crawl = CrawlRecords(index, name, api, self._shapes, follow)
        yield from crawl.records(start, self._count)

    def _crawl_api(self, name: str) -> CrawlApi:
        return CrawlApi(crawl_path(name), self._options, self._sleep, self._now)

    def _count(self, size: int) -> None:
        self._stored.read += size

    def _piece(self, index: int, start: Position) -> Iterator[Record]:
        piece = self._pieces[index]
        following = self._pieces[index + 1 : index + 1 + OBJECTS_AHEAD]
        self._stored.expect([Part(one.stored, one.start, one.stop) for one in following])
        if start.fed and is_object(piece.name) and not piece.etag:
            again = f"{piece.name}: read again from its beginning, as its server sends no ranges"
            yield Record(Place(""), start, Note(again), 0)
        reader, kind = self._opened(piece, start)
        yield from self._input(index, piece.name, reader, kind, start)
        if piece.crc not in (None, reader.crc):
            raise _other_now(piece.name)
        self.read_pieces[index] = reader.crc, reader.line - piece.line

    def _opened(self, piece: Piece, start: Position) -> tuple[ByteReader, Kind]:
        """A reader and the form of the input. The reader is at the beginning of the input, or, in
        an object with an ETag, at the beginning of the segment to resume.
        """
        stored, whole = self._stored, piece.stored
        if not piece.is_whole:
            chunks = stored.chunks(whole, piece.start, piece.stop)
            reader = ByteReader(chunks, piece.start, piece.line, followed=piece.followed)
            return reader, Kind.LINES  # nothing else is cut
        addressed = self._addresses.of(piece.name) is not None
        if piece.etag and start.offset > self._window:
            before = stored.read
            kind = kind_if_plain(stored.chunks(whole), piece.name, addressed=addressed)
            if kind in (Kind.LINES, Kind.BLOCKS):
                stored.read = before + start.offset
                chunks = stored.chunks(whole, start.offset)
                return ByteReader(chunks, start.offset, start.line, taken_over=True), kind
            stored.read = before
        reader = ByteReader(unpacked(stored.chunks(whole), self._options.max_expanded))
        return reader, detect(reader, piece.name, addressed=addressed)

    def _input(
        self, index: int, name: str, reader: ByteReader, kind: Kind, start: Position
    ) -> Iterator[Record]:
        address = self._addresses.of(name)
        if not reader.skip_to(start.offset):
            raise _changed(name, start)
        if start.item == 0 and not reader.agrees(start.crc):
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
        """The record of a file that is one page, or that cannot be read."""
        content = single_content(
            reader, name, kind, address, self._shapes, self._options.max_record
        )
        size = reader.offset
        position = Position(index, size, 0, size, reader.crc, reader.line)
        return Record(Place(name, length=size), position, content, cost(content, size))

    def _framed(
        self, index: int, name: str, reader: ByteReader, framer: Framer, start: Position
    ) -> Iterator[Record]:
        """The records after `start`; the records of its segment that are done are skipped."""
        segment, item = -1, 0
        # If the input was empty at that time, only the note was done.
        left = start.item if start.fed or not reader.data else 0
        for span in framer.spans():
            if span.segment != segment:
                segment, item = span.segment, 0
            if left and segment != start.offset:
                raise _changed(name, start)
            contents = _settled(name, span, reader)
            done = min(left, len(contents))
            left -= done
            if done and not left and (reader.offset != start.fed or not reader.agrees(start.crc)):
                raise _changed(name, start)
            count = len(contents)
            yield from _records(index, name, span, reader, contents, item, done)
            item += count
        if left:
            raise _changed(name, start)


def _settled(name: str, span: JsonSpan, reader: ByteReader) -> list[Content]:
    """The contents of a span; hints become notes if nothing follows."""
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
    """The contents as records, after the first `done`; each is removed from the list.

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
