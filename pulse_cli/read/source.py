"""The inputs of a run as one row of records, that can be taken up again at any of them.

Resuming is exact because nothing is remembered: where an input is divided, what a value holds and
which notes it gives depend on its bytes alone. A resumed reading goes through the bytes before its
position again, proves by their CRC-32 that they are the same, and passes over the records done
in the value it stands in.

What a position means: `model.Position`. A record that is not the last of its value stands at
(offset of the value, records done in it, bytes read); the last one at (offset of what follows,
0). Notes and values without documents count as records here, so that each is said once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from pulse_cli.errors import Exit, Fatal
from pulse_cli.model import Input, Note, Place, Position, Record
from pulse_cli.read.bytes.byte_reader import ByteReader
from pulse_cli.read.bytes.files import InputReader
from pulse_cli.read.bytes.inputs import CRAWL, STDIN, crawl_id
from pulse_cli.read.bytes.unpack import unpacked
from pulse_cli.read.firecrawl.crawl import CrawlRecords
from pulse_cli.read.firecrawl.crawl_api import CrawlApi
from pulse_cli.read.firecrawl.markdown import Addresses
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.detect import Kind, detect
from pulse_cli.read.framing.framing import WINDOW, Framer
from pulse_cli.read.framing.json_span import Content, Hint, JsonSpan, cost
from pulse_cli.read.options import ReadOptions
from pulse_cli.read.single import single_content

_BOM_BYTES = 3


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
        window: int = WINDOW,
    ) -> None:
        self._inputs = tuple(inputs)
        self._notes = tuple(notes)
        self._addresses = addresses
        self._options = options
        self._sleep = sleep
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

    def records(self, start: Position) -> Iterator[Record]:
        if start == Position():
            for note in self._notes:
                yield Record(Place(""), start, note, 0)
        self._before = sum(one.size or 0 for one in self._inputs[: start.source])
        for index in range(start.source, len(self._inputs)):
            begin = start if index == start.source else Position(source=index)
            one = self._inputs[index]
            read = self._crawl if one.name.startswith(CRAWL) else self._input
            yield from read(index, one.name, begin)

    def _crawl(self, index: int, name: str, start: Position) -> Iterator[Record]:
        api = CrawlApi(crawl_id(name), self._options, self._sleep)
        yield from CrawlRecords(index, name, api, self._shapes).records(start, self._count)

    def _count(self, size: int) -> None:
        self._stored.read += size

    def _input(self, index: int, name: str, start: Position) -> Iterator[Record]:
        feed = ByteReader(unpacked(self._stored.chunks(name), self._options.max_expanded))
        address = self._addresses.of(name)
        kind = detect(feed, name, addressed=address is not None)
        if not feed.skip_to(start.offset) or (start.item == 0 and feed.crc != start.crc):
            raise _changed(name, start)
        if not kind.is_json and start.item and start.fed:
            raise _changed(name, start)
        shown = "standard input" if name == STDIN else name
        if kind is Kind.EMPTY:
            if start.item == 0:
                at = Position(source=index, item=1)
                yield Record(Place(name), at, Note(f"{shown} is empty", partial=True), 0)
        elif kind in (Kind.MARKDOWN, Kind.OTHER):
            if start.offset == 0:
                yield self._single(index, name, feed, kind, address)
        else:
            framer = Framer(
                feed, kind.segments, self._shapes, self._options.max_record, self._window
            )
            yield from self._framed(index, name, feed, framer, start)

    def _single(
        self, index: int, name: str, feed: ByteReader, kind: Kind, address: str | None
    ) -> Record:
        """A file that is one page as a whole, or nothing that can be read."""
        content = single_content(feed, kind, address, self._shapes, self._options.max_record)
        size = feed.offset
        position = Position(index, size, 0, size, feed.crc, feed.line)
        return Record(Place(name, length=size), position, content, cost(content, size))

    def _framed(
        self, index: int, name: str, feed: ByteReader, framer: Framer, start: Position
    ) -> Iterator[Record]:
        top, item = -1, 0
        # Of an input that was empty then, only the note was done.
        left = start.item if start.fed or not feed.data else 0
        for frame in framer.frames():
            if frame.top != top:
                top, item = frame.top, 0
            contents = _settled(name, frame, feed, first=item == 0)
            done = min(left, len(contents))
            if left and frame.top != start.offset:
                raise _changed(name, start)
            left -= done
            if done and not left and (feed.offset, feed.crc) != (start.fed, start.crc):
                raise _changed(name, start)
            if left and frame.closes:
                raise _changed(name, start)
            count = len(contents)
            yield from _records(index, name, frame, feed, contents, item, done)
            item += count
        if left:
            raise _changed(name, start)


def _settled(name: str, frame: JsonSpan, feed: ByteReader, *, first: bool) -> list[Content]:
    """The contents of a frame; hints become notes where they are worth it."""
    settled: list[Content] = []
    for content in frame.contents:
        if isinstance(content, Hint):
            if content.last:
                told = frame.closes and feed.last(WINDOW)
            else:
                told = first and frame.top <= _BOM_BYTES
            if told:
                settled.append(Note(f"{name}: {content.message}", content.partial))
        elif isinstance(content, Note):
            settled.append(Note(f"{name}: {content.message}", content.partial))
        else:
            settled.append(content)
    frame.contents.clear()
    return settled


def _records(
    index: int,
    name: str,
    frame: JsonSpan,
    feed: ByteReader,
    contents: list[Content],
    item: int,
    done: int,
) -> Iterator[Record]:
    """The contents as records, behind the first `done`; gives them away as it goes."""
    fed, crc, line = feed.offset, feed.crc, feed.line
    contents.reverse()
    del contents[len(contents) - done :]
    item += done
    while contents:
        item += 1
        content = contents.pop()
        if frame.closes and not contents and fed > frame.top:
            position = Position(index, fed, 0, fed, crc, line)
        else:
            position = Position(index, frame.top, item, fed, crc, frame.top_line)
        alone = frame.closes and item == 1 and not contents
        place = Place(name, frame.line, frame.byte, frame.length, 0 if alone else item)
        record = Record(place, position, content, cost(content, frame.length))
        del content
        yield record
        del record


def _changed(name: str, start: Position) -> Fatal:
    return Fatal(
        f"{name} is not what it was when this run began: it differs before byte {start.fed:,}",
        hint="--restart indexes it from its beginning; so does --on-changed-source restart",
        kind="source-changed",
        exit_code=Exit.REFUSED,
    )
