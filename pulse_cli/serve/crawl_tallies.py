"""What is to be written into the records about crawls, gathered until there is a moment to.

A record store that is down costs no page: tallies wait, those of at most `MOST` crawls, and what
finds no room is counted as dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from pulse_cli.events import DocumentDone
from pulse_cli.model import Outcome
from pulse_cli.records import crawls
from pulse_cli.records.crawls import StageTimes
from pulse_cli.records.database import Records, RecordsUnavailable

MOST = 1000


@dataclass(slots=True)
class _Tally:
    kind: str
    base_url: str = ""
    indexed: int = 0
    failed: int = 0
    prepare_ms: float = 0.0
    embed_ms: float = 0.0
    store_ms: float = 0.0
    ended: bool = False
    error: str | None = None

    def add(self, later: _Tally | None) -> None:
        if later is None:
            return
        self.base_url = self.base_url or later.base_url
        self.indexed += later.indexed
        self.failed += later.failed
        self.prepare_ms += later.prepare_ms
        self.embed_ms += later.embed_ms
        self.store_ms += later.store_ms
        if later.ended:
            self.ended, self.error = True, later.error


class CrawlTallies:
    """See the module docstring. Belongs to one event loop."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._waiting: dict[str, _Tally] = {}
        self.dropped = 0

    def document(self, kind: str, crawl: str, done: DocumentDone) -> None:
        """One page of a crawl has its outcome."""
        if (tally := self._of(kind, crawl)) is None:
            return
        parts = urlsplit(done.url) if not tally.base_url else None
        if parts is not None and parts.netloc:
            tally.base_url = f"{parts.scheme}://{parts.netloc}"
        if done.outcome is Outcome.DEAD:
            tally.failed += 1
        else:
            tally.indexed += 1
        tally.prepare_ms += done.prepare_ms
        tally.embed_ms += done.embed_ms
        tally.store_ms += done.store_ms

    def ended(self, kind: str, crawl: str, error: str | None) -> None:
        """A crawl is whole, or will never be."""
        if (tally := self._of(kind, crawl)) is not None:
            tally.ended, tally.error = True, error

    async def flush(self) -> None:
        """Write what there is. A store that is down keeps it waiting."""
        for crawl, tally in list(self._waiting.items()):
            del self._waiting[crawl]  # what comes while it is written begins a new one
            try:
                await self._write(crawl, tally)
            except RecordsUnavailable:
                tally.add(self._waiting.get(crawl))
                self._waiting[crawl] = tally
                return

    async def _write(self, crawl: str, tally: _Tally) -> None:
        await crawls.begin(self._records, crawl, tally.base_url, tally.kind)
        times = StageTimes(tally.prepare_ms, tally.embed_ms, tally.store_ms)
        await crawls.add_pages(self._records, crawl, tally.indexed, tally.failed, times)
        if tally.ended:
            success = tally.error is None
            await crawls.end(self._records, crawl, success=success, error=tally.error)

    def _of(self, kind: str, crawl: str) -> _Tally | None:
        if crawl not in self._waiting:
            if len(self._waiting) >= MOST:
                self.dropped += 1
                return None
            self._waiting[crawl] = _Tally(kind)
        return self._waiting[crawl]
