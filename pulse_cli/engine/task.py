"""One document on its way through the stages, and the group it travels in.

Each stage adds what it makes; nothing is copied from one wrapper into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulse_cli.engine.progress.ledger import Ticket
from pulse_cli.model import Chunk, Document, Identity, Place, Prepared
from pulse_cli.payload import CommitRecord

if TYPE_CHECKING:
    from pulse_cli.model import Floats

WINDOW_CHUNKS = 2_000


@dataclass(slots=True)
class StageTimes:
    """Seconds that a group spent in each stage, waiting for its turn included."""

    prepare_s: float = 0.0
    embed_s: float = 0.0
    store_s: float = 0.0


@dataclass(slots=True, eq=False)
class DocumentTask:
    """See the module docstring. The reader makes it; each other field names the stage that sets
    it.
    """

    ticket: Ticket
    place: Place
    document: Document
    identity: Identity
    stored: CommitRecord | None = None
    """Look-up: the commit record of this version, whether it is committed or not."""
    prepared: Prepared = field(init=False)
    """Prepare."""
    chunks: Sequence[Chunk] = ()
    """Prepare: all chunks; none of an oversized document, which is cut window by window."""
    rows: Floats = field(init=False)
    """Embed: float32, one row for each chunk."""
    replaces: list[str] = field(default_factory=list)
    """Commit: ids of the commit records of the page that were committed when the write began."""
    times: StageTimes = field(default_factory=StageTimes)
    """Each stage: how long it took for the group."""
    started_to_replace: bool = False
    """Commit: other versions are being deleted, so this one must stay, whatever happens."""

    @property
    def is_oversized(self) -> bool:
        return len(self.prepared.starts) > WINDOW_CHUNKS

    @property
    def may_be_removed(self) -> bool:
        """Whether the points of this version may be deleted: it was not whole before the write."""
        return self.stored is None and not self.started_to_replace


@dataclass(slots=True)
class Group:
    """Whole documents, no two of one key, worth about `chunks` chunks."""

    tasks: list[DocumentTask] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    chunks: int = 0

    def add(self, task: DocumentTask, chunks: int) -> None:
        self.tasks.append(task)
        self.keys.add(task.identity.key)
        self.chunks += chunks
