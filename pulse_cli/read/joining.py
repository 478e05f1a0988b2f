"""Joins the parts of a page, in a sequence of records that can be resumed at any record.

The first part of a page begins a **stretch**: records are held until no part has come for a while,
or until the stretch is long. Then the parts of each page in it become one document, in the place of
the first part. So parts that are near each other, in any order, become one page, and memory is
bounded. Parts of one page in two stretches become two documents; the second replaces the first, and
the summary of the run counts them.

Resuming is exact, because a stretch depends only on the records from its beginning on. A document
of a stretch has the position before the stretch, and its number in it. The last document has the
position of the last record of the stretch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pulse_cli.errors import SourceChanged
from pulse_cli.model import Document, Position, Record, Unreadable
from pulse_cli.read.firecrawl.parts import put_together
from pulse_cli.read.framing.json_span import EXCERPT, checksum, cost

Reads = Callable[[Position], Iterator[Record]]


class Limits(NamedTuple):
    """When a stretch ends, and when a page is too long.

    `page` and `stretch`: approximate bytes in memory of one page and of all. `patience`: records
    without a part.
    """

    page: int
    stretch: int = 16 * 1024 * 1024
    patience: int = 512


def joined(reads: Reads, start: Position, limits: Limits) -> Iterator[Record]:
    """The records that `reads` yields after `start`, with the parts of each page joined.

    Raises SourceChanged if the pages of a stretch that are done have changed.
    """
    base = replace(start, joined=0, proof=0)
    stretches = _stretches(reads(base), base, limits)
    if start.joined:
        yield from _rest(stretches, start)
    for rows in stretches:
        yield from rows


def _rest(stretches: Iterator[Iterator[Record]], start: Position) -> Iterator[Record]:
    """The documents of the first stretch after those that are done."""
    rows = next(stretches, iter(()))
    proof = 0
    for _ in range(start.joined):
        row = next(rows, None)
        proof = checksum(row.content, proof) if row else -1
    if proof != start.proof:
        raise SourceChanged(
            "the parts of pages that were being joined have changed",
            hint="--restart indexes the sources from their beginning",
        )
    yield from rows


def _stretches(
    records: Iterator[Record], before: Position, limits: Limits
) -> Iterator[Iterator[Record]]:
    """The records, grouped by stretch."""
    stretch: _Stretch | None = None
    for record in records:
        if stretch is None and not _is_part(record):
            yield iter((record,))
        else:
            stretch = stretch or _Stretch(before, limits)
            stretch.add(record, before)
            if stretch.is_over:
                following = stretch.following()
                yield stretch.rows()
                stretch = following
        before = record.position
    if stretch is not None:
        yield stretch.rows()


def _is_part(record: Record) -> bool:
    return isinstance(record.content, Document) and record.content.part is not None


@dataclass(slots=True)
class _Row:
    """The parts of one page in a stretch, or one record that is not a part.

    `first` is its first record, the `number`-th of the stretch; `before` is the position before
    that. The parts have `size` bytes, of which `held` are in memory.
    """

    number: int
    first: Record
    before: Position
    parts: list[Document] = field(default_factory=list)
    marks: set[tuple[str, ...]] = field(default_factory=set)
    count: int = 0
    size: int = 0
    held: int = 0

    def add(self, part: Document, size: int, longest: int) -> None:
        """Add a part. Of a page that is too long only the beginning is kept."""
        assert part.part
        self.count += 1
        self.size += size
        if self.size <= longest or self.count == 1:
            self.marks.add(part.part.mark)
            self.parts.append(part)
            self.held = self.size
        else:
            self.marks.clear()
            del self.parts[1:]
            self.held = cost(self.parts[0])

    def record(self, longest: int) -> Record:
        """The resulting record; its position is still that of its first record."""
        if self.count < 2:
            return self.first
        content: Document | Unreadable
        if self.size > longest:
            detail = f"its {self.count:,} parts are more than source.max_record ({longest:,})"
            start = self.parts[0].text[:EXCERPT]
            content = Unreadable("too-long", detail, self.parts[0].url, excerpt=start)
        else:
            content = put_together(self.parts)
        return replace(self.first, content=content, cost=cost(content))


class _Stretch:
    """The records from a part on; `base` is the position before that part.

    The records after its last part (`_end` is the position of that) do not belong to it.
    """

    def __init__(self, base: Position, limits: Limits) -> None:
        self._base = base
        self._limits = limits
        self._rows: list[_Row] = []
        self._of_page: dict[str, _Row] = {}
        self._records = 0
        self._held = 0
        self._last_part = 0
        self._end = base

    def add(self, record: Record, before: Position) -> None:
        """Take the record that stands after `before`."""
        self._records += 1
        document = record.content
        row = None
        if isinstance(document, Document):
            row = self._of_page.pop(
                document.url, None
            )  # a later version of the page: no more parts belong to this row
            if not document.part or (row and document.part.mark in row.marks):
                row = None
        if row is None:
            row = _Row(self._records, record, before)
            self._rows.append(row)
        if isinstance(document, Document) and document.part:
            held = row.held
            row.add(document, record.cost, self._limits.page)
            self._held += row.held - held
            self._of_page[document.url] = row
            self._last_part, self._end = self._records, record.position
        else:
            self._held += record.cost

    @property
    def is_over(self) -> bool:
        if self._records - self._last_part >= self._limits.patience:
            return True
        return self._held > self._limits.stretch and len(self._rows) > 1

    def following(self) -> _Stretch | None:
        """The next stretch, which begins with the page whose parts came last, if possible."""
        last = self._rows[-1]
        if last.number + last.count - 1 != self._records or len(self._rows) == 1:
            return None
        following = _Stretch(last.before, self._limits)
        following._records = following._last_part = last.count
        following._held, following._end = last.held, self._end
        following._rows.append(replace(last, number=1))
        following._of_page[last.parts[0].url] = following._rows[0]
        self._rows.pop()
        self._last_part, self._end = last.number - 1, last.before
        return following

    def rows(self) -> Iterator[Record]:
        """The resulting records, in the order in which the pages began."""
        proof = number = 0
        inside = sum(row.number <= self._last_part for row in self._rows)
        self._rows.reverse()
        while self._rows:
            number += 1
            record = self._rows.pop().record(self._limits.page)
            if number == inside:
                record = replace(record, position=self._end)
            elif number < inside:
                proof = checksum(record.content, proof)
                position = replace(self._base, joined=number, proof=proof)
                record = replace(record, position=position)
            yield record
