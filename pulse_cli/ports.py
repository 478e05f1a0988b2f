"""The seams of pulse: what the engine asks of the stages, and they of nobody.

Each Protocol has several implementations and one contract suite in
`tests/contract/` that all of them pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from pulse_cli.events import Event, Waiting
    from pulse_cli.model import (
        Chunk,
        Document,
        EmbedLimits,
        Filter,
        Floats,
        Hit,
        Identity,
        Input,
        Point,
        Position,
        Prepared,
        Record,
        Vectors,
    )
    from pulse_cli.payload import CommitRecord


P = ParamSpec("P")
T = TypeVar("T")


class RunInThread(Protocol):
    """Runs a blocking function in a thread and awaits its result."""

    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...


class Clock(Protocol):
    """Time, injected. All waiting is on `monotonic`; `time` is only for stamps.

    A `sleep` never ends early, but for what floating point cannot tell.
    """

    def monotonic(self) -> float: ...
    def time(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class Source(Protocol):
    """The inputs of one run in a fixed order, read as records. Blocking."""

    @property
    def inputs(self) -> Sequence[Input]: ...

    def records(self, start: Position) -> Generator[Record, None, None]:
        """Yield every record after `start`, in order. To be closed in the thread that reads it.

        Positions never fall back, and each record's lies after all its bytes.
        Raises SourceChanged where the bytes before `start` are not those of its CRC.
        """
        ...

    def progress(self) -> tuple[int, int | None]:
        """Bytes read so far as stored (compressed), and of how many, if known.

        May be called from another thread while `records` runs.
        """
        ...

    def check(self) -> None:
        """Prove that remote inputs can be had, before anything costly is done for them.

        Raises Transient, Fatal.
        """
        ...

    def waiting(self) -> Waiting | None:
        """The service that `records` waits for now, if it does; from any thread."""
        ...


class TokenCounter(Protocol):
    """Counts tokens exactly as the embedder does. Thread-safe; blocking.

    `name` identifies the tokenizer (it is part of `rev`), `special` is how many special
    tokens the model adds to each text; `count` leaves them out. `breaks` are characters beside
    which a text can be cut without changing the count: it is the sum of those of the parts.
    It is empty where nothing is known of the tokenizer.
    """

    @property
    def name(self) -> str: ...
    @property
    def special(self) -> int: ...
    @property
    def breaks(self) -> frozenset[str]: ...
    def count(self, texts: Sequence[str]) -> Sequence[int]: ...


class Preparer(Protocol):
    """Turns documents into chunks. Pure and thread-safe; blocking.

    `rev` changes whenever the same document would be written differently; `fingerprint`
    names what it is made of, for messages; `chunk_tokens` is the limit of a chunk.
    """

    @property
    def rev(self) -> str: ...
    @property
    def fingerprint(self) -> Mapping[str, str | int | float]: ...
    @property
    def chunk_tokens(self) -> int: ...
    def key(self, url: str) -> str: ...
    def identify(self, document: Document) -> Identity: ...
    def prepare(self, documents: Sequence[tuple[Document, Identity]]) -> list[Prepared]: ...
    def chunks(self, prepared: Sequence[Prepared], start: int, stop: int) -> list[list[Chunk]]:
        """Cut the chunks `start <= index < stop` of each, with ids and words."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors. Raises Transient, Rejected, Fatal.

    `model` names what makes the vectors, `dimension` their length. A request is atomic:
    all vectors or an error. Every vector returned is finite and of norm > 0.
    """

    @property
    def model(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def limits(self) -> EmbedLimits: ...
    async def embed(self, texts: Sequence[str]) -> Vectors: ...
    async def embed_query(self, text: str) -> Floats: ...
    async def ready(self) -> bool:
        """Whether the service answers its health check now. Never raises."""
        ...

    async def close(self) -> None: ...


STORE_REJECTED = "store-rejected"
NO_PAYLOAD_INDEX = "no-payload-index"


@dataclass(frozen=True, slots=True)
class WholePoints:
    """A batch of points with their vectors: `rows` is float32, shape (points, dimension).

    `following` is where the next batch begins, None after the last.
    """

    points: Sequence[Point]
    rows: Floats
    following: str | int | None


class Store(Protocol):
    """One collection of points. Raises Transient, Rejected, Fatal.

    What the service itself refuses is Rejected(reason=STORE_REJECTED).

    A write that returned is `completed`: a later read sees it, and after `sync` it
    survives a crash of this machine. All writes may be repeated.
    """

    @property
    def in_flight(self) -> int:
        """How many requests it takes at once with profit."""
        ...

    @property
    def dimension(self) -> int:
        """Of its vectors, once it is open."""
        ...

    async def open(self, dimension: int) -> None:
        """Create the collection, or check that the existing one fits (else Fatal)."""
        ...

    async def begin_load(self, *, bulk: bool, run_id: str = "") -> None:
        """A run begins to write. With `bulk`, building the search graph is put off.

        Processes that name the same run may write together. Raises Locked where another process
        writes and only one may.
        """
        ...

    async def release(self) -> None:
        """The run has ended, however it did: others may write from now on."""
        ...

    async def end_load(self) -> None:
        """A run is complete: what was put off, by whichever run, is done or begun."""
        ...

    async def lookup(self, ids: Sequence[str]) -> dict[str, CommitRecord]:
        """The commit records with these point ids; ids that do not exist are left out."""
        ...

    async def committed(self, keys: Sequence[str]) -> list[CommitRecord]:
        """The commit records of these pages, of whatever version, that say `committed`."""
        ...

    async def set_committed(self, ids: Sequence[str], committed: bool) -> None:
        """Write `committed` into these points. Raises Fatal("index-changed") if one is gone."""
        ...

    async def upsert(self, points: Sequence[Point], rows: Floats) -> None:
        """Write points in their order; `rows` (float32, points x dimension) are their vectors."""
        ...

    async def delete_pages(self, keys: Sequence[str]) -> None:
        """Delete all points of these pages."""
        ...

    async def delete_versions(self, versions: Mapping[str, str]) -> None:
        """Delete the points of the version given for each page (by its key)."""
        ...

    async def delete_other_versions(self, versions: Mapping[str, str]) -> None:
        """Delete all points of these pages (by key) but those of the version given for each."""
        ...

    async def sync(self) -> None: ...
    async def nearest(self, vector: Floats, limit: int, where: Filter) -> list[Hit]: ...
    async def matching(self, words: str, limit: int, where: Filter) -> list[Hit]:
        """BM25 of `words` (`prepare.words`), computed by the store.

        Raises Rejected(reason="no-sparse-vector") where the collection has none.
        """
        ...

    def scroll(self, fields: Sequence[str] | None, where: Filter) -> AsyncIterator[list[Hit]]:
        """All points that match, in batches, with these payload fields (None: all); score 0."""
        ...

    def whole_points(
        self, where: Filter, after: str | int | None = None
    ) -> AsyncIterator[WholePoints]:
        """All points that match with payload, vectors and BM25 weights, in the order of their ids.

        `after` is the `following` of a batch: what comes after it is given.
        """

    async def facet(self, field: str, where: Filter) -> dict[str | int | bool, int]:
        """The values of this field with the number of points that have each, the most first.

        At most 10,000 values. A server that is moving points may count some twice. Raises
        Rejected(reason=NO_PAYLOAD_INDEX) where the collection keeps no index of the field.
        """

    async def count(self, where: Filter = ...) -> int:
        """How many points match, exactly."""

    async def ready(self) -> bool:
        """Whether the service answers its health check now. Never raises."""

    async def close(self) -> None: ...


class CheckpointStore(Protocol):
    """Keeps one JSON object atomically: after a crash the old or the new one, never half."""

    def load(self) -> dict[str, Any] | None:
        """The last one saved, None if there never was one. Raises Fatal if unreadable."""
        ...

    def save(self, state: dict[str, Any]) -> None: ...


class Observer(Protocol):
    """Is told what happens. Must not block; what it raises ends the run."""

    def on(self, event: Event) -> None: ...
