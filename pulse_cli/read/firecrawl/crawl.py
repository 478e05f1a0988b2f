"""`firecrawl:crawl/ID` as records: a crawl read from Firecrawl itself.

What a position means here: `offset` is how many documents of the crawl lie before the page of
answers, `item` how many records of that page are done, `fed` their sum, and `crc` the CRC-32 of
what those records are (URL and text): an answer is not the same bytes twice. Resuming asks for
that page again, and refuses if its done records are others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pulse_cli.errors import Fatal, SourceChanged
from pulse_cli.model import Note, Place, Position, Record
from pulse_cli.read.firecrawl.crawl_api import CrawlApi, Page
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.json_span import Content, Hint, checksum, cost


class CrawlRecords:
    """Records of one crawl, the `index`-th input of a run."""

    def __init__(self, index: int, name: str, api: CrawlApi, shapes: Shapes) -> None:
        self._index = index
        self._name = name
        self._api = api
        self._shapes = shapes

    def records(self, start: Position, count: Callable[[int], None]) -> Iterator[Record]:
        """Every record after `start`; `count` is told the bytes of each answer."""
        skip, done, proof = start.offset, start.item, start.crc
        while True:
            page = self._api.page(skip)
            count(page.size)
            contents = self._contents(page, skip)
            crc = 0
            for content in contents[:done]:
                crc = checksum(content, crc)
            if len(contents) < done or (done and crc != proof):
                raise self._changed(skip)
            yield from self._page(page, skip, contents, done, crc)
            if page.following is None:
                return
            skip, done = page.following, 0

    def _page(
        self, page: Page, skip: int, contents: list[Content], done: int, crc: int
    ) -> Iterator[Record]:
        for item in range(done + 1, len(contents) + 1):
            content = contents[item - 1]
            crc = checksum(content, crc)
            if item == len(contents) and page.following is not None:
                position = Position(self._index, page.following, 0, page.following)
            else:
                position = Position(self._index, skip, item, skip + item, crc)
            yield Record(Place(self._name), position, content, cost(content))

    def _contents(self, page: Page, skip: int) -> list[Content]:
        """What a page of answers holds. Notes that only a single value deserves are left out."""
        contents: list[Content] = []
        while page.documents:
            document = page.documents.pop(0)
            contents += [
                content
                for content in self._shapes.contents(document, b"")
                if not isinstance(content, Hint)
            ]
        if page.following is None and page.status != "completed":
            share = f"{skip + len(contents):,}"
            share += f" of {page.total:,} pages" if page.total else " pages"
            what = f"is {page.status}" if page.status else "tells no status"
            message = f"{self._name}: the crawl {what}: {share} so far"
            contents.append(Note(message, True, "crawl-partial"))
        return contents

    def _changed(self, skip: int) -> Fatal:
        return SourceChanged(
            f"{self._name}: the documents after the first {skip:,} are not those of before",
            hint="--restart indexes it from its beginning; so does --on-changed-source restart",
        )
