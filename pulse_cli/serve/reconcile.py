"""Crawls made whole: what Firecrawl could not deliver is fetched from it.

Firecrawl drops an event after four tries, so a receiver that was away for longer has lost pages.
When a crawl has ended, or was not heard of for a while, or was under way when this process
started, Firecrawl is asked how many pages the crawl has. If fewer came, or if pages that are gone
are to be pruned, the crawl is indexed from Firecrawl (`firecrawl:crawl/ID`). Pages that came
already are found unchanged there, which costs their look-up only. A batch scrape is asked about
in the same way (`firecrawl:batch/scrape/ID`), but nothing is pruned after one: the addresses of
a batch are no whole site.

The end of a crawl lies in the inbox behind its pages, so they are indexed by then. Firecrawl
keeps a crawl for 24 hours; one that could not be asked about for as long is given up, and said.
Where no Firecrawl is set, nothing can be asked: the event that ends a crawl ends it here too, and
a crawl without such an event is forgotten after a day.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pulse_cli.errors import PulseError
from pulse_cli.events import DocumentDone, Event, Message
from pulse_cli.ports import Observer
from pulse_cli.read.bytes.inputs import FIRECRAWL
from pulse_cli.read.firecrawl.crawl import RUNNING
from pulse_cli.read.firecrawl.crawl_api import CrawlApi, Page
from pulse_cli.serve.crawls import BATCH, QUIET_S, Crawl, Crawls, Origin
from pulse_cli.wiring.adapters import read_options

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.serve.indexer import Indexer
    from pulse_cli.serve.observations import Observations

ANSWER_S = 10.0
SOON_S = 60.0
KEPT_S = 24 * 3600.0


class Reconciler:
    """See the module docstring."""

    def __init__(
        self,
        settings: Settings,
        crawls: Crawls,
        indexer: Indexer,
        observations: Observations,
        observer: Observer,
    ) -> None:
        self._settings = settings
        self._asks = has_firecrawl(settings)
        self._options = replace(read_options(settings), give_up_after=ANSWER_S, timeout=ANSWER_S)
        self._crawls = crawls
        self._indexer = indexer
        self._observations = observations
        self._observer = observer
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There is news of a crawl."""
        self._news.set()

    async def run(self) -> None:
        """Ask about crawls when it is time, without end."""
        while True:
            self._news.clear()
            while (crawl := self._crawls.due()) is not None:
                await self._look_at(crawl)
            due = self._crawls.next_ask()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else max(0.0, due - time.time())):
                    await self._news.wait()

    async def _look_at(self, crawl: Crawl) -> None:
        """Ask about one crawl, and do what is to be done; else it is asked about later."""
        if not self._asks:
            await self._believe_events(crawl)
            return
        crawl.ask_at = time.time() + SOON_S
        try:
            page = await asyncio.to_thread(CrawlApi(crawl.path, self._options).status)
        except PulseError as error:
            if time.time() - crawl.heard >= KEPT_S:
                await self._give_up(crawl, str(error))
            else:
                text = f"the crawl {crawl.id} cannot be checked for lost pages yet: {error}"
                self._observer.on(Message("warning", text))
            return
        if page.status in RUNNING:
            if not crawl.ended:
                crawl.ask_at = time.time() + QUIET_S
        elif await self._complete(crawl, page):
            await self._end(crawl, page.status)

    async def _believe_events(self, crawl: Crawl) -> None:
        """Without Firecrawl: end the crawl as its events do."""
        if crawl.ended:
            await self._end(crawl, crawl.ended)
        elif time.time() - crawl.heard >= KEPT_S:
            await asyncio.to_thread(self._crawls.forget, crawl.id)
        else:
            crawl.ask_at = crawl.heard + KEPT_S

    async def _complete(self, crawl: Crawl, page: Page) -> bool:
        """Whether the index now holds all that the crawl does."""
        received = await asyncio.to_thread(self._crawls.received, crawl.id)
        all_came = page.total is not None and received >= page.total
        prune = self._settings.serve.prune and page.status == "completed" and crawl.kind != BATCH
        if all_came and not prune:
            return True
        of = "?" if page.total is None else f"{page.total:,}"
        text = f"the crawl {crawl.id}: {received:,} of {of} pages came; it is read from Firecrawl"
        self._observer.on(Message("info", text))
        async with self._indexer.turn:
            summary = await self._indexer.index(
                (FIRECRAWL + crawl.path,), _Pages(self._observations, crawl), prune=prune
            )
        if summary.error is not None:  # also where all is indexed, but may not be pruned
            self._observer.on(Message("warning", f"the crawl {crawl.id}: {summary.error.message}"))
        return summary.status == "complete"

    async def _end(self, crawl: Crawl, status: str) -> None:
        await asyncio.to_thread(self._crawls.forget, crawl.id)
        error = None if status == "completed" else f"its status is {status!r}"
        self._observations.crawls.ended(crawl.kind, crawl.id, error)

    async def _give_up(self, crawl: Crawl, why: str) -> None:
        text = f"the crawl {crawl.id} could not be checked for lost pages within a day: {why}"
        self._observer.on(Message("error", text))
        await asyncio.to_thread(self._crawls.forget, crawl.id)
        self._observations.crawls.ended(crawl.kind, crawl.id, text)


def has_firecrawl(settings: Settings) -> bool:
    """Whether a Firecrawl was named: nothing is asked of the public one without its key."""
    mine = settings.firecrawl
    return mine.api_key is not None or "url" in mine.model_fields_set


class _Pages:
    """An observer of the run over one crawl."""

    def __init__(self, observations: Observations, crawl: Crawl) -> None:
        self._observations = observations
        self._origin = Origin(crawl.kind, crawl.id)

    def on(self, event: Event) -> None:
        if isinstance(event, DocumentDone):
            self._observations.document(event, "", self._origin)
