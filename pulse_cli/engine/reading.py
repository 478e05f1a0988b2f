"""Reads records in batches, in a thread beside the event loop.

The process can end while that thread still reads, because a pipe may never answer. A batch
holds about 1 MiB, or what came within 20 ms: a file is read in large steps, and the records of
a slow pipe are passed on as they come. Files and connections that are open when reading stops
are closed in that thread, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from functools import partial

from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.threads import DaemonThread
from pulse_cli.model import (
    Document,
    EmbedLimits,
    Identity,
    NoDocument,
    Note,
    Position,
    Record,
    Skipped,
    Unreadable,
)
from pulse_cli.ports import Preparer, Source

BATCH_BYTES = 1 << 20
BATCH_RECORDS = 512
BATCH_SECONDS = 0.02
CLOSE_SECONDS = 0.5
"""How long to wait for the source to close. A read that blocks may keep it from closing."""
CHARS_PER_TOKEN = 3.5  # for English markdown; decides where groups end and what is read ahead
LEAST_AHEAD, MOST_AHEAD = 8 << 20, 32 << 20


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record with what was computed in the reading thread: `key` where its URL is known."""

    record: Record
    identity: Identity | None
    key: str | None


def estimated_chunks(document: Document, chunk_tokens: int) -> int:
    return 1 + int(len(document.text) / (chunk_tokens * CHARS_PER_TOKEN))


def read_ahead_bytes(limits: EmbedLimits, concurrency: int | None, chunk_tokens: int) -> int:
    """How many bytes of records may be open: eight times what the embedder works on at once.

    What is read ahead lies in memory and makes nothing faster, as long as there is always a
    group ready to be prepared.
    """
    chunks = limits.batch * (concurrency or limits.in_flight)
    wanted = int(8 * chunks * chunk_tokens * CHARS_PER_TOKEN)
    return min(max(wanted, LEAST_AHEAD), MOST_AHEAD)


async def read_batches(
    source: Source, start: Position, preparer: Preparer, limiter: Limiter
) -> AsyncGenerator[list[ReadRecord], None]:
    """All records after `start`, in order; `limiter` (of size 1) measures the time it takes.

    Close it (`aclosing`): that closes the source.
    """
    records = source.records(start)
    thread = DaemonThread("pulse-read")
    take = partial(_take, records, preparer)
    try:
        ended = False
        while not ended:
            batch, ended = await limiter.run(partial(thread.run, take))
            if batch:
                yield batch
    finally:
        await asyncio.wait([thread.run(records.close)], timeout=CLOSE_SECONDS)


def _take(records: Iterator[Record], preparer: Preparer) -> tuple[list[ReadRecord], bool]:
    """The next batch, and whether the source has ended."""
    batch: list[ReadRecord] = []
    size = 0
    until = time.monotonic() + BATCH_SECONDS
    for record in records:
        batch.append(identified(record, preparer))
        size += record.cost
        full = size >= BATCH_BYTES or len(batch) >= BATCH_RECORDS
        if full or record.then_waits or time.monotonic() >= until:
            return batch, False
    return batch, True


def identified(record: Record, preparer: Preparer) -> ReadRecord:
    """A record with the key of its page, where its URL is known."""
    match record.content:
        case Document() as document:
            identity = preparer.identify(document)
            return ReadRecord(record, identity, identity.key)
        case Skipped(url=str(url), gone=False) | Unreadable(url=str(url)):
            return ReadRecord(record, None, preparer.key(url))
        case _:
            return ReadRecord(record, None, None)


_MISSING_PAGES = frozenset({"failed-scrape", "job-handle"})


def why_partial(read: ReadRecord) -> str:
    """Why a source with this record may not be the whole crawl: pages may be missing, or the
    record is an unknown page. "" if it may be the whole crawl.
    """
    content, place = read.record.content, read.record.place
    where = f"{place.source}:line {place.line}"
    match content:
        case Note(partial=True):
            return content.message
        case Unreadable() if read.key is None:
            return f"{where}: an unknown page cannot be read ({content.reason})"
        case NoDocument() if content.reason in _MISSING_PAGES:
            return f"{where}: a page is missing ({content.reason})"
        case _:
            return ""


def is_record(record: Record) -> bool:
    """Whether it counts as a record: a document found, or a value that could not be read."""
    return isinstance(record.content, Document | Skipped | Unreadable)


def utf8_bytes(text: str) -> int:
    """How long `text` is in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
