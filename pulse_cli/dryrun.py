"""What indexing would do, without doing it: reads, cleans, chunks and counts.

No service is asked and nothing is written, neither store nor checkpoint. Outcomes, chunks
and tokens are those of a run into an empty index; what a service would refuse is not
known. Memory does not grow with the text, only, up to a million pages, with their number.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulse_cli.engine.summary import peak_rss_bytes
from pulse_cli.errors import Exit
from pulse_cli.events import Message, Progress, StageStats, Started, Stats, Summary
from pulse_cli.model import (
    Document,
    Identity,
    NoDocument,
    Note,
    Place,
    Position,
    Record,
    Skipped,
    Unreadable,
)
from pulse_cli.ports import Observer, Preparer
from pulse_cli.services import Services, cores, target_of

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.indexing import Job

BATCH_CHARS = 1 << 20
LONGEST = EXAMPLES = 5
MOST_KEYS = 1_000_000
TICK_SECONDS = 0.25
LOCAL_CHUNKS_PER_CORE_S = 17.0
"""Of the bundled model: 31 to 37 chunks of 200 tokens a second on two cores."""


@dataclass(frozen=True, slots=True)
class LongPage:
    """A page with many chunks; `chars` of cleaned text."""

    url: str
    chunks: int
    chars: int


@dataclass(frozen=True, slots=True)
class DryRun:
    """`summary.counts` are what a run into an empty index would count.

    `duplicates` documents have an address that came before (of the first million
    addresses), and `duplicate_urls` are a few of them; `problems` are the first dead
    records. `estimated_s` is how long embedding would take, None where only the server knows.
    """

    summary: Summary
    longest: tuple[LongPage, ...]
    duplicates: int
    duplicate_urls: tuple[str, ...]
    problems: tuple[str, ...]
    estimated_s: float | None


def dry_run(settings: Settings, job: Job, observer: Observer) -> DryRun:
    """Read all sources once. Blocking. Raises Fatal."""
    services = Services(settings, observer)
    source = services.open_source(job.sources, None)
    survey = _Survey(services.preparer_alone(), observer)
    observer.on(Started("dry-run", False, job.sources, "nowhere (dry run)"))
    for record in source.records(Position()):
        if survey.records == job.limit:
            break
        survey.add(record)
        survey.tick(source.progress())
    survey.finish()
    survey.stats.bytes_read = source.progress()[0]
    local = settings.embed.url == "local"
    chunks = survey.stats.counts.chunks
    return DryRun(
        summary=_summary(job, settings, survey),
        longest=tuple(survey.longest),
        duplicates=survey.duplicates,
        duplicate_urls=tuple(survey.duplicate_urls),
        problems=tuple(survey.problems),
        estimated_s=chunks / (LOCAL_CHUNKS_PER_CORE_S * cores()) if local else None,
    )


@dataclass(slots=True)
class _Survey:
    """The books of a dry run."""

    preparer: Preparer
    observer: Observer
    stats: Stats = field(default_factory=lambda: Stats(stages={"prepare": StageStats(limit=1)}))
    records: int = 0
    duplicates: int = 0
    longest: list[LongPage] = field(default_factory=list)
    duplicate_urls: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _keys: set[int] = field(default_factory=set)
    _batch: list[tuple[Document, Identity]] = field(default_factory=list)
    _chars: int = 0
    _began: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    def add(self, record: Record) -> None:
        counts, content = self.stats.counts, record.content
        self.records += isinstance(content, Document | Skipped | Unreadable)
        match content:
            case Document():
                self._take(content)
            case Skipped():
                _count(counts.skipped, content.reason)
            case NoDocument():
                _count(counts.no_document, content.reason)
            case Note():
                self.notes.append(content.message)
            case Unreadable():
                _count(counts.dead, content.reason)
                self._complain(record.place, content)

    def _complain(self, place: Place, dead: Unreadable) -> None:
        where = f"{place.source}:line {place.line}, byte {place.byte}"
        self.observer.on(Message("debug", dead.detail, where))
        if len(self.problems) < EXAMPLES:
            self.problems.append(f"{where}: {dead.detail}")

    def _take(self, document: Document) -> None:
        identity = self.preparer.identify(document)
        self._remember(identity)
        self._batch.append((document, identity))
        self._chars += len(document.text)
        if self._chars >= BATCH_CHARS:
            self.finish()

    def _remember(self, identity: Identity) -> None:
        key = hashlib.blake2b(identity.key.encode("utf-8", "surrogatepass"), digest_size=8)
        number = int.from_bytes(key.digest())
        if number in self._keys:
            self.duplicates += 1
            if len(self.duplicate_urls) < EXAMPLES and identity.key not in self.duplicate_urls:
                self.duplicate_urls.append(identity.key)
        elif len(self._keys) < MOST_KEYS:
            self._keys.add(number)

    def finish(self) -> None:
        """Prepare what is waiting."""
        counts = self.stats.counts
        for prepared in self.preparer.prepare(self._batch):
            chunks = len(prepared.starts)
            if not chunks:
                _count(counts.skipped, "nothing-to-search")
                continue
            counts.indexed += 1
            counts.chunks += chunks
            counts.tokens += sum(prepared.counts)
            counts.bytes_text += len(prepared.text.encode("utf-8", "surrogatepass"))
            self.longest.append(LongPage(prepared.document.url, chunks, len(prepared.text)))
            self.longest.sort(key=lambda page: -page.chunks)
            del self.longest[LONGEST:]
        self._batch, self._chars = [], 0

    def tick(self, progress: tuple[int, int | None]) -> None:
        """Tell the observer now and then."""
        stats = self.stats
        stats.elapsed_s = time.monotonic() - self._began
        if stats.elapsed_s - self._told >= TICK_SECONDS:
            self._told = stats.elapsed_s
            stats.bytes_read, stats.bytes_total = progress
            stats.documents_done = stats.counts.indexed
            stats.open_records = len(self._batch)
            self.observer.on(Progress(stats))


def _count(counts: dict[str, int], reason: str) -> None:
    counts[reason] = counts.get(reason, 0) + 1


def _summary(job: Job, settings: Settings, survey: _Survey) -> Summary:
    stats = survey.stats
    return Summary(
        run_id="",
        status="complete",
        exit_code=Exit.DEAD_LETTERS if stats.counts.dead else Exit.OK,
        sources=job.sources,
        target=target_of(settings, 0),
        counts=stats.counts,
        bytes_read=stats.bytes_read,
        embed_requests=0,
        seconds=stats.elapsed_s,
        cpu_seconds=time.process_time(),
        peak_rss_bytes=peak_rss_bytes(),
        documents_done=stats.counts.indexed,
        chunks_embedded=0,
        tokens_embedded=0,
        stages={},
        notes=tuple(survey.notes),
    )
