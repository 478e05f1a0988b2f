"""`index:NAME` as records: the pages of an index, from their stored text.

A position means here: `offset` pages are done, and `crc` is the CRC-32 of the key of the last one.
Resuming skips as many commit records, without reading their text, and refuses if the last page is
a different one now.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from pulse_cli.errors import SourceChanged
from pulse_cli.model import Document, NoDocument, Place, Position, Record
from pulse_cli.read.bytes.inputs import INDEX
from pulse_cli.read.framing.json_span import cost

_NOT_WHOLE = NoDocument("not-whole", "index the crawl again that it came from")


class StoredDocuments(Protocol):
    """The pages of an index, for a thread that may wait. Raises Transient, Fatal."""

    def check(self, spec: str) -> None:
        """Raises Fatal where there is no such index."""
        ...

    def documents(self, spec: str, skip: int) -> Iterator[Document | None]:
        """All pages after the first `skip`, in a stable order; None for a page that is gone."""
        ...


class IndexRecords:
    """Records of one index, the `index`-th input of a run."""

    def __init__(self, index: int, name: str, stored: StoredDocuments) -> None:
        self._index = index
        self._name = name
        self._stored = stored

    def records(self, start: Position) -> Iterator[Record]:
        """Every record after `start`. Raises SourceChanged."""
        done = start.offset
        found = self._stored.documents(self._name.removeprefix(INDEX), max(0, done - 1))
        if done:
            last = next(found, None)
            if last is not None and _proof(last) != start.crc:
                raise SourceChanged(
                    f"{self._name}: its first {done:,} pages have changed",
                    hint="--restart indexes it from its beginning; so does "
                    "--on-changed-source restart",
                )
        for document in found:
            done += 1
            content = _NOT_WHOLE if document is None else document
            crc = 0 if document is None else _proof(document)
            at = Position(self._index, done, 0, done, crc)
            yield Record(Place(self._name, line=done), at, content, cost(content))


def _proof(document: Document) -> int:
    return zlib.crc32(document.url.encode("utf-8", "surrogatepass"))
