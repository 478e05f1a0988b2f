"""What observers are told while a run goes on, and the plain counters they read.

`Stats` is written by the engine on the event loop and read by observers on the
same loop; `Progress` carries the live object, not a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pulse_cli.errors import Kind
from pulse_cli.model import Outcome, Place


@dataclass(slots=True)
class StageStats:
    """One scarce resource: what it is doing now and what it did.

    `busy_s` is the time during which at least one request was in flight; `limit` the
    present concurrency limit. `dead` records became dead letters here.
    """

    in_flight: int = 0
    waiting: int = 0
    limit: int = 0
    requests: int = 0
    retries: int = 0
    dead: int = 0
    busy_s: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass(slots=True)
class Counts:
    """What became of the records of a run over all its starts; they advance in input order.

    While a run goes on, `indexed` and `unchanged` count records. At its end they count pages that
    are in the index, and `superseded` the records that a later one of the same page replaced.
    """

    indexed: int = 0
    unchanged: int = 0
    superseded: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    no_document: dict[str, int] = field(default_factory=dict)
    chunks: int = 0
    tokens: int = 0
    bytes_text: int = 0
    truncated: int = 0

    @property
    def records(self) -> int:
        pages = self.indexed + self.unchanged + self.superseded
        return pages + sum(self.skipped.values()) + sum(self.dead.values())


@dataclass(frozen=True, slots=True)
class Waiting:
    """`what` gives no answer and is asked again and again; sent about once a second meanwhile.

    `error` is its last one, empty while the first answer is still awaited. `waited_s` seconds
    have passed; after `left_s` more the command gives up.
    """

    what: str
    error: str
    waited_s: float
    left_s: float


@dataclass(slots=True)
class Stats:
    """Live figures of this process; `counts` includes earlier starts of the same run.

    Of `documents_known` documents it is known how many chunks have to be embedded: `chunks_known`
    in all. `waiting_for` is None while all services answer.
    """

    counts: Counts = field(default_factory=Counts)
    stages: dict[str, StageStats] = field(default_factory=dict)
    bytes_read: int = 0
    bytes_total: int | None = None
    elapsed_s: float = 0.0
    open_records: int = 0
    documents_known: int = 0
    chunks_known: int = 0
    chunks_embedded: int = 0
    tokens_embedded: int = 0
    documents_done: int = 0
    waiting_for: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins, or goes on where it stopped (`resumed`)."""

    run_id: str
    resumed: bool
    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Sent a few times a second."""

    stats: Stats


@dataclass(frozen=True, slots=True)
class Message:
    """A line for people. `where` is `file:line 3, byte 456` or empty."""

    level: Literal["debug", "info", "warning", "error"]
    text: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Draining:
    """A signal or an error stopped the reading; what is in flight is being finished."""

    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What ended a run early: `kind` for programs, `message` and `hint` for people."""

    kind: Kind
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where the run writes. Addresses carry no user-info."""

    embed: str
    store: str
    collection: str
    dimension: int


Status: TypeAlias = Literal["complete", "limited", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended. `counts` cover all its starts, everything else this process.

    What has a default is what there is to say of a run that never began. `limited`: it stopped
    because it had read as many records as it was asked to. `stopped_by` is the name of the
    signal that stopped it ("SIGINT"), empty for none. `earlier` are the counts with which this
    process began, not zero where it went on with a run.

    `resume` is the command that goes on (or retries the dead letters), None if nothing is left.
    `dead_examples` holds the first dead letter of each reason: `source`, `line`, `byte`, `detail`.
    `notes` are the things the user should know about the sources, in order. `pruned` pages
    were removed because the crawl no longer holds them. `fingerprint` stands for all settings
    that decide what is written.
    """

    run_id: str
    status: Status
    sources: tuple[str, ...]
    target: Target
    stopped_by: str = ""
    counts: Counts = field(default_factory=Counts)
    earlier: Counts = field(default_factory=Counts)
    bytes_read: int = 0
    embed_requests: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0
    documents_done: int = 0
    chunks_embedded: int = 0
    tokens_embedded: int = 0
    stages: dict[str, StageStats] = field(default_factory=dict)
    checkpoint: str | None = None
    dead_letters: str | None = None
    dead_examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resume: str | None = None
    notes: tuple[str, ...] = ()
    pruned: int = 0
    fingerprint: str = ""
    error: Problem | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event: how the run ended, also where it never began."""

    summary: Summary


@dataclass(frozen=True, slots=True)
class DocumentDone:
    """One document has its outcome. Told in input order, and only where a run is asked to.

    `detail` says why it is dead. The times are those of the group that it travelled in.
    """

    place: Place
    url: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    chunks: int = 0
    tokens: int = 0
    prepare_ms: float = 0.0
    embed_ms: float = 0.0
    store_ms: float = 0.0


Event: TypeAlias = Started | Progress | Message | Draining | Ended | Waiting | DocumentDone


class NullObserver:
    """An observer for work that has nobody to tell."""

    def on(self, event: Event) -> None:
        pass
