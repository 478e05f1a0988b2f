"""`pulse crawl`: a crawl started at Firecrawl, followed, and indexed as its pages come.

A crawl costs credits. So embedder and store are opened first: no crawl is started that cannot be
indexed. The id of the crawl is in the state folder (`app.begun_crawl`). After a kill the same
command goes on with that crawl where its run stopped, unless Firecrawl no longer keeps it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pulse_cli.app.begun_crawl import BegunCrawl, BegunCrawlFile
from pulse_cli.app.index import Job, index_with, not_begun, tell_end
from pulse_cli.app.nothing import refuse_nothing
from pulse_cli.app.same_model import check_same_model
from pulse_cli.engine import Stop, SystemClock
from pulse_cli.engine.clock import rfc3339
from pulse_cli.errors import Fatal
from pulse_cli.events import Message, Summary
from pulse_cli.ports import Clock, Observer
from pulse_cli.read.firecrawl.start_api import StartApi
from pulse_cli.wiring import Services, target_name, target_of
from pulse_cli.wiring.adapters import read_options

if TYPE_CHECKING:
    from pulse_cli.config import Settings

CRAWL = "firecrawl:crawl/"
DEFAULT_LIMIT = 10_000
"""Pages that Firecrawl crawls at most where no limit is given (API v2)."""


async def crawl_and_index(
    request: Mapping[str, Any], settings: Settings, job: Job, observer: Observer, stop: Stop
) -> Summary:
    """Crawl and index; returns the summary. `request` is the body of Firecrawl's `POST /crawl`.

    The source of `job` is the address of the crawl. Errors are in the summary, not raised.
    """
    clock = SystemClock()
    started, began = clock.time(), clock.monotonic()
    limit = int(request.get("limit", DEFAULT_LIMIT))
    async with Services(settings, observer, clock, follow_up_to=limit) as services:
        try:
            job.check()
            run = _Crawl(services, request, job, observer, clock)
            summary = refuse_nothing(await run.to_the_end(stop))
        except Fatal as error:
            target = target_of(settings, 0)
            summary = not_begun(job, target, error, clock.monotonic() - began)
    tell_end(settings, summary, observer, started, clock)
    return summary


class _Crawl:
    """One crawl, from its start at Firecrawl to the end of its indexing."""

    def __init__(
        self,
        services: Services,
        request: Mapping[str, Any],
        job: Job,
        observer: Observer,
        clock: Clock,
    ) -> None:
        settings = services.settings
        self._services = services
        self._request = request
        self._job = job
        self._observer = observer
        self._clock = clock
        self._file = BegunCrawlFile(
            settings.state_folder, settings.firecrawl.url, request, target_name(settings)
        )

    async def to_the_end(self, stop: Stop) -> Summary:
        """Raises Fatal where the crawl could not begin."""
        with self._file.held():
            await self._open_services()
            crawl = await self._begun()
            job = replace(self._job, sources=(CRAWL + crawl,), restart=False)
            summary = await index_with(self._services, job, self._observer, stop, self._clock)
            if summary.status == "complete":
                self._file.remove()
        return _with_hint(summary, crawl, job)

    async def _open_services(self) -> None:
        services = self._services
        embedder = await services.embedder()
        store = await services.store(embedder.dimension)
        await services.patiently("the store", lambda: check_same_model(store, embedder.model))

    async def _begun(self) -> str:
        """The id of the crawl that an earlier process began, or of a new one."""
        api = StartApi(read_options(self._services.settings))
        last = None if self._job.restart else self._file.read()
        if last is not None and last.crawl_id is not None:
            if await self._is_kept(api, last.crawl_id):
                self._say(f"goes on with the crawl {last.crawl_id}, begun at {last.begun}")
                return last.crawl_id
            self._say(f"Firecrawl no longer keeps the crawl {last.crawl_id}: a new one is started")
            last = None
        return await self._start(api, may_run=last is not None)

    async def _is_kept(self, api: StartApi, crawl: str) -> bool:
        return await self._services.patiently("Firecrawl", lambda: api.keeps(crawl))

    async def _start(self, api: StartApi, *, may_run: bool) -> str:
        begun = BegunCrawl(rfc3339(self._clock.time()))
        self._file.save(begun)
        crawl = await self._services.patiently(
            "Firecrawl", lambda: api.start(self._request, may_run=may_run)
        )
        self._file.save(replace(begun, crawl_id=crawl))
        self._say(f"the crawl {crawl} of {self._request['url']} has begun")
        return crawl

    def _say(self, text: str) -> None:
        self._observer.on(Message("info", text))


def _with_hint(summary: Summary, crawl: str, job: Job) -> Summary:
    """A refusal to prune names the command that prunes by this same crawl, at no cost."""
    error = summary.error
    if error is None or "--yes" not in error.hint:
        return summary
    again = shlex.join(["pulse", "index", CRAWL + crawl, "--prune"])
    flags = f" {job.retry_flags}" if job.retry_flags else ""
    hint = f"see which: {again} --dry-run{flags}; if they are really gone: {again} --yes{flags}"
    return replace(summary, error=replace(error, hint=hint))
