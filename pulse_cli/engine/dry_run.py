"""A run that only looks: reads, cleans, chunks and counts, and touches no service.

Guarantees: outcomes, chunks and tokens are those that `index` would reach on an empty index
with the same settings (what a service would refuse is not known); memory grows by about 60
bytes a page (to find duplicate URLs), not with their text.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from pulse_cli.engine.limiter import unfailing_limiter
from pulse_cli.engine.notes import Notes
from pulse_cli.engine.progress.seen import SeenPages, SeenWriter
from pulse_cli.engine.prune import PruneOptions, Pruner, StalePages, not_whole
from pulse_cli.engine.reading import (
    ReadRecord,
    is_record,
    read_batches,
    utf8_bytes,
    why_partial,
)
from pulse_cli.engine.stop import Stop
from pulse_cli.engine.threads import Threads
from pulse_cli.errors import Fatal
from pulse_cli.events import Counts, Message, Progress, StageStats, Stats
from pulse_cli.model import Document, Identity, NoDocument, Position, Skipped, Unreadable
from pulse_cli.ports import Clock, Observer, Preparer, Source, Store

LONGEST = 5
EXAMPLES = 5
GROUP_CHARS = 1 << 19
PROGRESS_SECONDS = 0.25

Page = tuple[Document, Identity]


@dataclass(frozen=True, slots=True, order=True)
class LongPage:
    """A page by its length in tokens (overlap counted twice, as it is embedded)."""

    tokens: int
    chunks: int
    url: str


@dataclass(slots=True)
class CrawledPages:
    """Which pages the source holds (`engine.seen`), and why it may not be the whole crawl."""

    entries: bytearray = field(default_factory=bytearray)
    partial: list[str] = field(default_factory=list)
    _keys: SeenWriter = field(default_factory=SeenWriter)

    def add(self, read: ReadRecord) -> None:
        if read.key is not None:
            self.entries += self._keys.entries(read.key)
        if reason := why_partial(read):
            self.partial.append(reason)


@dataclass(slots=True)
class DryRun:
    """What was found. `duplicates` counts pages whose URL came before; the last one wins.

    `problems` are the first few dead records with their places. `stale` are the pages that
    a run with --prune would remove, None without --prune; `refusal` is why it would not.
    """

    counts: Counts = field(default_factory=Counts)
    complete: bool = False
    seconds: float = 0.0
    bytes_read: int = 0
    longest: list[LongPage] = field(default_factory=list)
    duplicates: int = 0
    duplicate_urls: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: StalePages | None = None
    refusal: Fatal | None = None


async def dry_run(
    source: Source,
    preparer: Preparer,
    *,
    observer: Observer,
    clock: Clock,
    stop: Stop,
    threads: int,
    limit: int | None = None,
    held: CrawledPages | None = None,
) -> DryRun:
    """Look at everything, or at the first `limit` records, or until `stop`; fills `held`."""
    stats = Stats(stages={"read": StageStats(), "prepare": StageStats()})
    reader = unfailing_limiter("read", 1, clock, stats.stages["read"])
    began = clock.monotonic()
    shown = began
    reading = read_batches(source, Position(), preparer, reader)
    with Threads(threads) as pool:
        look = _Look(preparer, observer, clock, stats, pool, threads, held)
        async for batch in reading:
            await look.at(batch, limit)
            stats.elapsed_s = clock.monotonic() - began
            stats.bytes_read, stats.bytes_total = source.progress()
            if clock.monotonic() - shown >= PROGRESS_SECONDS:
                shown = clock.monotonic()
                observer.on(Progress(stats))
            if stop.requested or look.records == limit:
                break
        else:
            look.found.complete = True
        await reading.aclose()
        await look.finish()
    look.found.seconds = clock.monotonic() - began
    look.found.bytes_read = source.progress()[0]
    return look.found


async def look_at_stale(
    found: DryRun, held: CrawledPages, store: Store, options: PruneOptions, stop: Stop, clock: Clock
) -> None:
    """Put into `found` what a run would prune, or why it would not. Raises Fatal."""
    if not found.complete:
        return
    limiter = unfailing_limiter("store", 1, clock, StageStats())
    pruner = Pruner(store, limiter, SeenPages(held.entries), options, stop)
    found.stale = await pruner.look()
    try:
        if held.partial:
            raise not_whole(held.partial)
        found.stale.check(options)
    except Fatal as refusal:
        found.refusal = refusal


class _Look:
    """The counts of a dry run. Tokens are counted in threads, a few groups at a time."""

    def __init__(
        self,
        preparer: Preparer,
        observer: Observer,
        clock: Clock,
        stats: Stats,
        pool: Threads,
        threads: int,
        held: CrawledPages | None,
    ) -> None:
        self._held = held
        self.found = DryRun(counts=stats.counts)
        self._notes = Notes()
        self.records = 0
        self._stats = stats
        self._preparer = preparer
        self._observer = observer
        self._cpu = unfailing_limiter("prepare", threads, clock, stats.stages["prepare"])
        self._pool = pool
        self._most_tasks = 2 * threads
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: set[bytes] = set()
        self._group: list[Page] = []
        self._chars = 0

    async def at(self, batch: Sequence[ReadRecord], limit: int | None) -> None:
        """Count a batch of records, up to `limit` records in all."""
        for read in batch:
            if self.records == limit:
                return
            self.records += is_record(read.record)
            self._sort(read)
            if self._held is not None:
                self._held.add(read)
            if self._chars >= GROUP_CHARS:
                await self._launch()

    async def finish(self) -> None:
        await self._launch()
        await asyncio.gather(*self._tasks)
        self.found.longest.sort(reverse=True)
        self.found.notes = self._notes.lines()

    def _sort(self, read: ReadRecord) -> None:
        """Put a document into the group; count anything else."""
        counts, content = self.found.counts, read.record.content
        match content:
            case Document():
                assert read.identity is not None
                self._note_duplicate(read.identity.key)
                self._group.append((content, read.identity))
                self._chars += len(content.text)
            case Skipped(reason=reason):
                counts.skipped[reason] = counts.skipped.get(reason, 0) + 1
            case Unreadable(reason=reason):
                counts.dead[reason] = counts.dead.get(reason, 0) + 1
                if len(self.found.problems) < EXAMPLES:
                    place = read.record.place
                    where = f"{place.source}:line {place.line}, byte {place.byte}"
                    self.found.problems.append(f"{where}: {content.detail}")
            case NoDocument(reason=reason):
                counts.no_document[reason] = counts.no_document.get(reason, 0) + 1
        if message := self._notes.add(read.record):
            self._observer.on(Message("warning", message))

    def _note_duplicate(self, key: str) -> None:
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if digest not in self._seen:
            self._seen.add(digest)
            return
        self.found.duplicates += 1
        if len(self.found.duplicate_urls) < EXAMPLES:
            self.found.duplicate_urls.append(key)

    async def _launch(self) -> None:
        group, self._group, self._chars = self._group, [], 0
        if not group:
            return
        while len(self._tasks) >= self._most_tasks:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            self._tasks -= done
            for task in done:
                task.result()  # raises what the task raised
        self._tasks.add(asyncio.create_task(self._count(group)))

    async def _count(self, group: Sequence[Page]) -> None:
        counts, longest = self.found.counts, self.found.longest
        for one in await self._cpu.run(lambda: self._pool(self._preparer.prepare, group)):
            chunks, tokens = len(one.counts), sum(one.counts)
            counts.bytes_text += utf8_bytes(one.document.text)
            if not chunks:
                reason = "nothing-to-search"
                counts.skipped[reason] = counts.skipped.get(reason, 0) + 1
                continue
            counts.indexed += 1
            counts.chunks += chunks
            counts.tokens += tokens
            heapq.heappush(longest, LongPage(tokens, chunks, one.document.url))
            if len(longest) > LONGEST:
                heapq.heappop(longest)
        self._stats.documents_done += len(group)
