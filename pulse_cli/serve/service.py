"""The running service: its parts, opened once, and what it does besides answering.

Embedder and store stay open, so that a search costs its embedding and its requests, nothing
else. Searches go on while pages are indexed. On leaving the context no page is accepted any
more, the run under way is stopped in order, and what was accepted stays in the inbox.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from pulse_cli.app.search import ranking_of, search_backends
from pulse_cli.app.turns import INBOX
from pulse_cli.engine import Stop, SystemClock
from pulse_cli.events import Message
from pulse_cli.model import Filter
from pulse_cli.ports import Observer
from pulse_cli.read.firecrawl.scrape_api import ScrapeApi
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.records.database import RecordsUnavailable, open_records
from pulse_cli.records.recorder import Recorder
from pulse_cli.search.hybrid import search
from pulse_cli.serve.crawl_tallies import CrawlTallies
from pulse_cli.serve.crawls import Crawls
from pulse_cli.serve.health import Health
from pulse_cli.serve.inbox import RESULTS, Inbox
from pulse_cli.serve.indexer import Indexer
from pulse_cli.serve.jobs import Jobs
from pulse_cli.serve.observations import Observations
from pulse_cli.serve.reconcile import Reconciler, has_firecrawl
from pulse_cli.serve.rescrape import Rescraper
from pulse_cli.wiring import Services
from pulse_cli.wiring.adapters import read_options, secret

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.search.results import Mode, SearchResult

FLUSH_SECONDS = 1.0
CLEAN_SECONDS = 3600.0
DRAIN_SECONDS = 30.0


class Service:
    """`async with Service(settings, observer) as service`. See the module docstring."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self.settings = settings
        self._observer = observer
        self._clock = SystemClock()
        self._stop = Stop()
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        folder = settings.state_folder
        self.inbox = Inbox(folder / INBOX, max_backlog=settings.serve.max_backlog)
        keep = settings.serve.keep_results
        self.jobs = Jobs(folder / INBOX / RESULTS, self.inbox, keep=keep)
        self.records = open_records(_records_url(settings))
        self.recorder = Recorder(self.records)
        self.observations = Observations(self.recorder, CrawlTallies(self.records))
        self.crawls = Crawls(folder / INBOX / "crawls")
        self.shapes = Shapes(read_options(settings))
        self.services = Services(settings, observer, self._clock)
        self.indexer = Indexer(
            self.services,
            self.inbox,
            self.jobs,
            self.crawls,
            self.observations,
            observer,
            self._stop,
            self._clock,
        )
        self.reconciler = Reconciler(
            settings, self.crawls, self.indexer, self.observations, observer
        )
        self.indexer.indexed = self.reconciler.wake
        self.rescraper = Rescraper(
            self.records,
            self.inbox,
            self.jobs,
            self._scrape_api,
            observer,
            self._clock,
        )
        self.health = Health(
            {
                "redis": None,
                "qdrant": self._store_ready,
                "tei": self._embedder_ready,
                "database": self._records_ready,
            },
            self._clock,
        )
        self.api_secret = secret(settings.serve.api_secret)
        self.webhook_secret = secret(settings.serve.webhook_secret)

    async def __aenter__(self) -> Service:
        """Raises Fatal where a service cannot be had, Locked where another process serves."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.records.close)
            await stack.enter_async_context(self.inbox)
            await stack.enter_async_context(self.services)
            embedder = await self.services.embedder()
            await self.services.preparer()
            await self.services.store(embedder.dimension)
            self._stack = stack.pop_all()
        self._observer.on(Message("info", "service pool ready: embedder and store are open"))
        work = [self._keep_records()]
        if self.settings.serve.worker:
            await asyncio.to_thread(self.crawls.load)
            work += [self.indexer.run(), self.rescraper.run(), self.reconciler.run()]
        else:
            self.indexer.state = "no worker"
            text = "no worker: what is accepted waits on disk until pulse serve runs with one"
            self._observer.on(Message("warning", text))
        self._tasks = [asyncio.create_task(one) for one in work]
        for task in self._tasks:
            task.add_done_callback(self._report_defect)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.request()  # a run that is under way ends in order, and the worker with it
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS), self.indexer.turn:
                pass
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.recorder.flush()
        await self.observations.crawls.flush()
        await self._stack.aclose()

    def _report_defect(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._observer.on(Message("error", f"a task of the service ended: {error!r}"))

    # --- searching ---------------------------------------------------------

    async def search(self, query: str, mode: Mode, limit: int, where: Filter) -> SearchResult:
        """The best pages. Raises Fatal."""
        return await search(
            query,
            await search_backends(self.services, mode),
            mode=mode,
            limit=limit,
            where=where,
            ranking=ranking_of(self.settings),
        )

    # --- in the background -------------------------------------------------

    async def _keep_records(self) -> None:
        """Write records every second, and remove old ones every hour."""
        cleaned = 0.0
        while True:
            await self._clock.sleep(FLUSH_SECONDS)
            await self.recorder.flush()
            await self.observations.crawls.flush()
            if self._clock.monotonic() - cleaned >= CLEAN_SECONDS or not cleaned:
                cleaned = self._clock.monotonic()
                with suppress(RecordsUnavailable):
                    await self.recorder.delete_older(timedelta(seconds=self.settings.records.keep))

    def _scrape_api(self) -> ScrapeApi | None:
        settings = self.settings
        return ScrapeApi(read_options(settings), self._clock) if has_firecrawl(settings) else None

    # --- health ------------------------------------------------------------

    async def _store_ready(self) -> bool:
        return await (await self.services.store(0)).ready()

    async def _embedder_ready(self) -> bool:
        return await (await self.services.embedder()).ready()

    async def _records_ready(self) -> bool:
        try:
            async with self.records.begin():
                return True
        except RecordsUnavailable:
            return False


def _records_url(settings: Settings) -> str:
    if settings.records.url is not None:
        return settings.records.url.get_secret_value()
    return f"sqlite:///{settings.state_folder / 'records.db'}"
