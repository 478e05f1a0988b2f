"""`firecrawl:crawl/ID` as records: reads a crawl from Firecrawl.

Firecrawl sends the documents of a crawl in several answers. A position means here: `offset` is the
number of documents before the answer, `item` the number of records of the answer that are done,
`fed` the sum of both, and `crc` the CRC-32 of URL and text of those records (not of the bytes of
the answer, which differ from request to request). Resuming requests that answer again, and refuses
if the records that are done have changed.

Pages that the crawl could not scrape come after its last document, as skipped. They may exist, so
pruning by this crawl must not remove them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pulse_cli.errors import Fatal, SourceChanged, Unavailable
from pulse_cli.model import Note, Place, Position, Record, Skipped, Unreadable
from pulse_cli.read.firecrawl.crawl_api import CrawlApi, Page
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.json_span import Content, Hint, checksum, cost

RUNNING = frozenset({"scraping", "active"})
POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class Follow:
    """How to read a running crawl to its end. `limit` is the limit of pages of the crawl.

    It is given up when no page has come for `patience` seconds.
    """

    limit: int
    patience: float
    sleep: Callable[[float], None]
    now: Callable[[], float]


class CrawlRecords:
    """Records of one crawl, the `index`-th input of a run."""

    def __init__(
        self, index: int, name: str, api: CrawlApi, shapes: Shapes, follow: Follow | None = None
    ) -> None:
        self._index = index
        self._name = name
        self._api = api
        self._shapes = shapes
        self._follow = follow

    def records(self, start: Position, count: Callable[[int], None]) -> Iterator[Record]:
        """Every record after `start`; `count` is called with the bytes of each answer."""
        skip, done, proof = start.offset, start.item, start.crc
        while True:
            page = self._next_page(skip, count)
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

    def _next_page(self, skip: int, count: Callable[[int], None]) -> Page:
        """The documents after the first `skip`. Of a running crawl, waits until there are some.

        Raises Unavailable where none comes for too long.
        """
        follow, began = self._follow, None
        while True:
            page = self._api.page(skip)
            count(page.size)
            if follow is None or page.status not in RUNNING:
                return page
            if page.documents:
                return page._replace(following=page.following or skip + len(page.documents))
            began = follow.now() if began is None else began
            waited = follow.now() - began
            if waited >= follow.patience:
                raise Unavailable(
                    f"{self._name}: the crawl has found no page for {waited:.0f} s;"
                    f" {skip:,} so far",
                    hint="run the same command again to go on following it"
                    " (--give-up-after sets how long to wait)",
                )
            follow.sleep(POLL_S)

    def _page(
        self, page: Page, skip: int, contents: list[Content], done: int, crc: int
    ) -> Iterator[Record]:
        for item in range(done + 1, len(contents) + 1):
            content = contents[item - 1]
            crc = checksum(content, crc)
            if item == len(contents) and page.following is not None:
                position = Position(self._index, page.following, 0, page.following)
                waits = page.status in RUNNING
            else:
                position = Position(self._index, skip, item, skip + item, crc)
                waits = False
            yield Record(Place(self._name), position, content, cost(content), waits)

    def _contents(self, page: Page, skip: int) -> list[Content]:
        """The contents of an answer, without the notes that are for single values only."""
        contents: list[Content] = []
        while page.documents:
            document = page.documents.pop(0)
            contents += [
                content
                for content in self._shapes.contents(document, b"")
                if not isinstance(content, Hint)
            ]
        if page.following is None:
            contents += self._ending(page, skip + len(contents))
        return contents

    def _ending(self, page: Page, documents: int) -> list[Content]:
        """The notes and skipped pages after the last of `documents` documents."""
        if page.status != "completed":
            share = f"{documents:,} of {page.total:,}" if page.total else f"{documents:,}"
            what = f"is {page.status}" if page.status else "has no status"
            message = f"{self._name}: the crawl {what}: {share} pages so far"
            if self._follow is None:
                return [Note(message, True, "crawl-partial")]
            return [Unreadable("crawl-failed", message)]
        failed, blocked = self._api.failed_pages()
        ending: list[Content] = [Skipped("failed-scrape", url) for url, _ in failed]
        ending += [Skipped("robots-blocked", url) for url in blocked]
        if failed:
            url, why = failed[0]
            more = f" ({len(failed):,} pages failed)" if len(failed) > 1 else ""
            message = f"{self._name}: Firecrawl could not scrape {url}: {why}{more}"
            ending.append(Note(message, kind="failed-scrape"))
        if self._follow is not None and documents + len(failed) >= self._follow.limit:
            limit = f"its limit of {self._follow.limit:,} pages"
            message = f"{self._name}: the crawl ended at {limit}: there may be more"
            ending.append(Note(message, True, "crawl-limit"))
        return ending

    def _changed(self, skip: int) -> Fatal:
        return SourceChanged(
            f"{self._name}: the documents after the first {skip:,} have changed",
            hint="--restart indexes it from its beginning; so does --on-changed-source restart",
        )
