"""The state of a run: what is saved in the checkpoint and advances with the watermark.

Counts, dead letters and the list of pages seen are written only here, in input order. So at any
moment they describe exactly the records up to `position`. A failed write closes the state, and
no later record is counted: it would move the saved position past the record that failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pulse_cli.engine.progress.dead_letters import example_of
from pulse_cli.engine.progress.disk import MarkedFile
from pulse_cli.engine.progress.ledger import Resolution
from pulse_cli.engine.progress.seen import SeenWriter, superseded
from pulse_cli.errors import Fatal, Kind
from pulse_cli.events import Counts, NullObserver
from pulse_cli.model import Outcome, Position
from pulse_cli.ports import Observer

MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class DeadLimit:
    """How many dead letters are too many: a number, or a share once there are `least` records."""

    count: int | None = None
    share: float | None = 0.05
    least: int = 1000

    def exceeded(self, counts: Counts) -> bool:
        dead = sum(counts.dead.values())
        if self.count is not None:
            return dead > self.count
        if self.share is None or counts.records < self.least:
            return False
        return dead > self.share * counts.records


@dataclass(slots=True)
class RunState:
    """See the module docstring. `partial`: the first few reasons why the crawl may be
    incomplete, empty if it is complete. `examples`: the first dead letter of each reason, without
    its record.
    """

    dead_letters: MarkedFile
    seen: MarkedFile
    dead_limit: DeadLimit
    position: Position = field(default_factory=Position)
    counts: Counts = field(default_factory=Counts)
    partial: list[str] = field(default_factory=list)
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)
    passed: int = 0
    closed: bool = False
    observer: Observer = field(default_factory=NullObserver)
    _seen: bytearray = field(default_factory=bytearray)  # not yet in the file
    _keys: SeenWriter = field(default_factory=SeenWriter)

    def book(self, position: Position, resolution: Resolution) -> None:
        """Record that everything up to `position` is done. Raises Fatal."""
        if self.closed:
            return
        self.closed = True  # stays so if what follows fails
        if resolution.letter is not None:
            self.dead_letters.append(resolution.letter)
            if resolution.reason not in self.examples:
                self.examples[resolution.reason] = example_of(resolution.letter)
        if resolution.seen is not None:
            self._seen += self._keys.entries(resolution.seen, resolution.outcome)
        if resolution.partial and len(self.partial) < MOST_REASONS:
            self.partial.append(resolution.partial)
        self._count(resolution)
        if resolution.document is not None:
            self.observer.on(resolution.document)
        self.position = position
        self.passed += 1
        self.closed = False
        if resolution.outcome is Outcome.DEAD and self.dead_limit.exceeded(self.counts):
            raise too_many_dead(self.counts, self.dead_letters.path)

    def _count(self, resolution: Resolution) -> None:
        counts, reason = self.counts, resolution.reason
        match resolution.outcome:
            case Outcome.INDEXED:
                counts.indexed += 1
            case Outcome.UNCHANGED:
                counts.unchanged += 1
            case Outcome.SKIPPED:
                counts.skipped[reason] = counts.skipped.get(reason, 0) + 1
            case Outcome.DEAD:
                counts.dead[reason] = counts.dead.get(reason, 0) + 1
            case None if reason:
                counts.no_document[reason] = counts.no_document.get(reason, 0) + 1
        counts.chunks += resolution.chunks
        counts.tokens += resolution.tokens
        counts.bytes_text += resolution.bytes_text
        counts.truncated += resolution.truncated

    def snapshot(self) -> dict[str, Any]:
        """The state at the watermark, as JSON values; taken in one step of the event loop."""
        self._write_seen()
        return {
            "position": asdict(self.position),
            "counts": asdict(self.counts),
            "partial": list(self.partial),
            "examples": dict(self.examples),
            "marks": {"dead": self.dead_letters.mark, "seen": self.seen.mark},
        }

    def _write_seen(self) -> None:
        if self._seen:
            self.seen.append(bytes(self._seen))
            self._seen.clear()

    def settle(self) -> None:
        """Count each page once: a record whose page a later record replaced is superseded.

        To be called at the end of a run, after the last record. Blocking. Raises Fatal.
        """
        self._write_seen()
        indexed, unchanged = superseded(self.seen.read_part, self.seen.mark)
        self.counts.indexed -= indexed
        self.counts.unchanged -= unchanged
        self.counts.superseded += indexed + unchanged

    def sync(self) -> None:
        """Make the files durable. Blocking."""
        self.dead_letters.sync()
        self.seen.sync()

    def close(self) -> None:
        self.dead_letters.close()
        self.seen.close()


def too_many_dead(counts: Counts, letters: Path) -> Fatal:
    """The error that ends a run with so many dead letters."""
    dead = sum(counts.dead.values())
    return Fatal(
        f"{dead} of {counts.records} records became dead letters: this looks like a wrong setting"
        " rather than bad records",
        hint=f"look at {letters}, then run again, or raise --max-dead",
        kind=Kind.TOO_MANY_DEAD,
    )


def restore(state: Mapping[str, Any]) -> tuple[Position, Counts, int, int]:
    """Position, counts and the marks (dead, seen) of a snapshot."""
    marks = state["marks"]
    return Position(**state["position"]), Counts(**state["counts"]), marks["dead"], marks["seen"]
