"""Changed addresses are scraped again through Firecrawl, and their pages indexed.

A change event is a row of `change_events` (states `queued`, `in_progress`, `completed`,
`failed: …`), so it outlives this process: at the start, events that were queued or in progress
are taken up. For each there are three short transactions (stored, in progress, done), and none
is open while anything is waited for. A scraped page goes into the inbox like any other. Who dies
between those steps does them again, which changes nothing: a page is one page.

The changed address is a text in a request to the configured Firecrawl. It is never fetched here.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from pulse_cli.errors import PulseError
from pulse_cli.events import Message
from pulse_cli.ports import Clock, Observer
from pulse_cli.read.firecrawl.scrape_api import ScrapeApi
from pulse_cli.records import change_events
from pulse_cli.records.database import Records, RecordsUnavailable
from pulse_cli.serve.inbox import BacklogFull, Inbox, InboxUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulse_cli.serve.jobs import Jobs

AT_ONCE = 4
POLL_S = 0.5
RETRY_S = 15.0


class Rescraper:
    """See the module docstring. `new_api` gives None where no Firecrawl is configured."""

    def __init__(
        self,
        records: Records,
        inbox: Inbox,
        jobs: Jobs,
        new_api: Callable[[], ScrapeApi | None],
        observer: Observer,
        clock: Clock,
    ) -> None:
        self._records = records
        self._inbox = inbox
        self._jobs = jobs
        self._new_api = new_api
        self._observer = observer
        self._clock = clock
        self._news = asyncio.Event()

    def wake(self) -> None:
        """A change event was stored."""
        self._news.set()

    async def run(self) -> None:
        """Work off change events, oldest first, a few at once, without end."""
        api = self._new_api()
        under_way: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                self._news.clear()
                waits = await self._begin_next(api, under_way)
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S if waits else None):
                        await self._news.wait()
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)
            if api is not None:
                await api.close()

    async def _begin_next(
        self, api: ScrapeApi | None, under_way: dict[int, asyncio.Task[None]]
    ) -> bool:
        """Begin as many as may be; whether to look again soon."""
        try:
            unfinished = await change_events.unfinished(self._records)
        except RecordsUnavailable as error:
            self._observer.on(Message("warning", f"change events wait: {error}"))
            return True
        for number, url, _ in unfinished:
            if number in under_way or len(under_way) >= AT_ONCE:
                continue
            task = asyncio.create_task(self._rescrape(api, number, url))
            under_way[number] = task

            def done(_: asyncio.Task[None], number: int = number) -> None:
                under_way.pop(number, None)
                self._news.set()

            task.add_done_callback(done)
        return False

    async def _rescrape(self, api: ScrapeApi | None, number: int, url: str) -> None:
        """One event, to its last state. Where that cannot be stored it is done again."""
        try:
            await change_events.mark(self._records, number, change_events.IN_PROGRESS)
            problem = await self._index(api, url)
            if problem is None:
                now = datetime.now(UTC)
                state = change_events.COMPLETED
                await change_events.mark(self._records, number, state, indexed_at=now)
            else:
                await change_events.mark(self._records, number, change_events.failed(problem))
        except RecordsUnavailable as error:
            self._observer.on(Message("warning", f"change event {number} waits: {error}"))
            await self._clock.sleep(RETRY_S)

    async def _index(self, api: ScrapeApi | None, url: str) -> str | None:
        """Scrape and index; why that failed, None where it did not."""
        if api is None:
            return "no Firecrawl is configured (firecrawl.url, firecrawl.api_key)"
        try:
            page = await api.scrape(url)
        except PulseError as error:
            return str(error)
        metadata = page.get("metadata")
        known = metadata if isinstance(metadata, dict) else {}
        line = orjson.dumps({**page, "metadata": {"sourceURL": url, **known}})
        result = await self._result(await self._append(line))
        return None if result["status"] == "success" else str(result["error"])

    async def _append(self, line: bytes) -> str:
        """Into the inbox, when it has room; the job."""
        while True:
            try:
                (job_id,) = await self._inbox.append([line])
            except (BacklogFull, InboxUnwritable):
                await self._clock.sleep(RETRY_S)
            else:
                return job_id

    async def _result(self, job_id: str) -> dict[str, Any]:
        """What became of it. The inbox keeps it until something has."""
        while True:
            state = await asyncio.to_thread(self._jobs.state, job_id)
            if state is None:
                return {"status": "error", "error": "its result is gone"}
            if state["result"] is not None:
                found: dict[str, Any] = state["result"]
                return found
            await self._clock.sleep(POLL_S)
