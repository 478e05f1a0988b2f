"""What flows through pulse: records read, documents, chunks, points and hits.

All is frozen and without behaviour, and only the standard library is imported: stages share this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


class Outcome(StrEnum):
    """How a record ends; every record ends in exactly one of these."""

    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Input:
    """One file (or pipe, crawl, index, object) of a run, with what identifies its content.

    What it has not is None or "" (a pipe). `head_hash` is the sha256 of the first 64 KiB of stored
    bytes, `etag` the strong ETag of an object that can be read from any byte on.
    """

    name: str
    size: int | None = None
    mtime_ns: int | None = None
    inode: int | None = None
    head_hash: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """A point in the input up to which everything is done; reading resumes here.

    `source` counts the run's inputs from 0. `offset` (in decompressed bytes) is where a segment
    begins: a line, a pretty-printed block, or the whole input. `item` is how many records of it
    are done. `fed` >= `offset` is how many decompressed bytes had been read when the last of them
    was complete, and `crc` the CRC-32 (zlib) of exactly those bytes, which proves on resume that
    the input is still the same. After that place, `joined` pages of a stretch of parts
    (`read.joining`) are done as well; `proof` is the CRC-32 of what they were.
    """

    source: int = 0
    offset: int = 0
    item: int = 0
    fed: int = 0
    crc: int = 0
    line: int = 1
    joined: int = 0
    proof: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands, for people: `source:line 3, byte 4567`.

    `byte` is the offset of the value in decompressed bytes, `line` (from 1) the line it
    begins on, `length` its bytes. Several documents of one value have the same place.
    """

    source: str
    line: int = 1
    byte: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of its page a document is, where a tool had cut the page before.

    Documents of one address are versions of one part if they share their `mark`, else parts of one
    page. `order` sorts these; `start` is the character of the page with which it begins, if known;
    `count` of them were put together.
    """

    mark: tuple[str, ...]
    order: tuple[float, ...] = ()
    start: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """One page; `part` is None if it came as a whole.

    `url` is the final URL (`metadata.url`, else `sourceURL`), `text` markdown.
    """

    url: str
    text: str
    source_url: str | None = None
    title: str | None = None
    description: str | None = None
    language: str | None = None
    country: str | None = None
    is_mobile: bool | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that is not indexed on purpose; `gone` means 404 or 410."""

    reason: str
    url: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that could not be read: one dead letter. `detail` is the sentence for people.

    What can be retried is kept: `record` (a JSON value), else `raw` bytes; of a value too long to
    keep only an `excerpt` (at most 4 KiB).
    """

    reason: str
    detail: str
    url: str | None = None
    record: Any = None
    raw: bytes | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class NoDocument:
    """A value that by nature holds no page (a blank line, a lifecycle event).

    `hint` tells how to get the page; it is shown once for each reason.
    """

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Not a record: something the user should know about the source.

    Of several notes of one `kind` ("": of the same message) the first is shown, with their number.
    `partial`: the source is not the whole crawl, so no page may be removed for not being in it.
    """

    message: str
    partial: bool = False
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What a source yields; when it is done, reading resumes at `position`. `cost`: bytes."""

    place: Place
    position: Position
    content: Document | Skipped | Unreadable | NoDocument | Note
    cost: int
    then_waits: bool = False  # what follows may come much later: nothing is to be held back


@dataclass(frozen=True, slots=True)
class Identity:
    """What a document is called: known before its text is prepared.

    `key` is the canonical URL; `domain` the network location of the URL without user-info.
    `content_hash` covers raw text and payload metadata, `version` that and all settings which
    decide what is written. `commit_id` is the id of its chunk 0, which is the commit record.
    """

    key: str
    domain: str
    content_hash: str
    version: str
    commit_id: str


@dataclass(frozen=True, slots=True)
class Section:
    """Where a chunk stands: the `context` put before it, or "", and the `path` of headings."""

    context: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cleaned document with its chunk boundaries; the chunks are cut on demand.

    `starts[i]:ends[i]` are character offsets of chunk i in `text`, `counts[i]` its
    tokens as the embedder counts them (special tokens, prefix and context included),
    `sections[i]` where it stands. Without chunks, cleaning left nothing to search for.
    """

    document: Document
    identity: Identity
    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    counts: Sequence[int]
    sections: Sequence[Section]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a document, at most the limit of the embedder long.

    `full_text` is embedded: the context and `text`. `words` is the same for BM25 (`prepare.words`).
    """

    id: str
    index: int
    text: str
    full_text: str
    words: str
    section: str
    tokens: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EmbedLimits:
    """What one embedder takes: `batch` texts and `batch_bytes` of text per request.

    At most `in_flight` requests at once, beginning with `start`; `max_tokens` per text,
    special tokens and prompt. `group` chunks are about one second of its work, at most 128.
    """

    batch: int
    batch_bytes: int
    in_flight: int
    start: int
    max_tokens: int
    group: int = 128


@dataclass(frozen=True, slots=True)
class Vectors:
    """The answer to one embed request: `rows` is float32, shape (texts, dimension).

    `truncated` texts were cut by the server; `queue_s` and `work_s` are what it says it took.
    """

    rows: Floats
    truncated: int = 0
    queue_s: float | None = None
    work_s: float | None = None


@dataclass(frozen=True, slots=True)
class SparseVector:
    """BM25 weights of one text (uint32, float32), the engine's IDF not applied."""

    indices: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the collection, without its vector: that stays a row of a matrix.

    `words` is the text that BM25 weighs, the weights if it was read from a store, "" for neither.
    """

    id: str | int  # integers only where others than pulse wrote the collection
    words: str | SparseVector
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Points whose fields equal, are among or differ; whose URL begins with `url_prefix`."""

    equals: Mapping[str, str | bool] = field(default_factory=dict)
    url_prefix: str | None = None
    ids: Sequence[str | int] | None = None
    among: Mapping[str, Sequence[str]] = field(default_factory=dict)
    differs: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A point that a search found, best first; `score` is the engine's own."""

    id: str
    score: float
    payload: Mapping[str, Any]
