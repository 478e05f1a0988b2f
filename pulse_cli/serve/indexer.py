"""The worker: takes sealed segments of the inbox to the index, one run after another.

Guarantees: a segment is removed only when a run over it is complete and its results are on
disk. A run that was cut short is begun again from the start of its segments; what it had
written is recognised by the look-up, so that costs reading only, and every page has its result.
Segments are indexed in order, one run at a time, so the last version of a page that was
accepted is the one in the index. While segments pile up, a run takes as many as `RUN_BYTES`
hold: a burst of one-page events is indexed as one file of its pages would be.

Runs take turns with `pulse index` and other commands that write: the index is free between
two runs, and a command that waits for it is next.

A service that is down is waited for. Any other failure is shown in the state, and tried again
every `RETRY_SECONDS`: nothing that was accepted is ever dropped.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pulse_cli.app.index import Job, index_with
from pulse_cli.engine import Stop
from pulse_cli.errors import Kind
from pulse_cli.events import DocumentDone, Event, Message, Summary
from pulse_cli.ports import Clock, Observer
from pulse_cli.serve.inbox import Inbox
from pulse_cli.serve.jobs import Jobs, result_of
from pulse_cli.serve.observations import Observations
from pulse_cli.serve.segment import Segment
from pulse_cli.wiring import Services

RUN_BYTES = 32 << 20
RETRY_SECONDS = 15.0
TURN_SECONDS = 1.0


class Indexer:
    """See the module docstring. `turn` is held during each run; others that index take it, too."""

    def __init__(
        self,
        services: Services,
        inbox: Inbox,
        jobs: Jobs,
        observations: Observations,
        observer: Observer,
        stop: Stop,
        clock: Clock,
    ) -> None:
        self._services = services
        self._inbox = inbox
        self._jobs = jobs
        self._observations = observations
        self._observer = observer
        self._stop = stop
        self._clock = clock
        self.turn = asyncio.Lock()
        self.state = "idle"

    async def run(self) -> None:
        """Index what comes until told to stop."""
        while not self._stop.requested:
            await self._inbox.wait()
            async with self.turn:
                summary = await self._index(self._next_segments())
            if summary.status == "failed":
                assert summary.error is not None
                self.state = f"waiting: {summary.error.message}"
                busy = summary.error.kind is Kind.LOCKED
                self._observer.on(Message("debug" if busy else "error", summary.error.message))
                await self._clock.sleep(TURN_SECONDS if busy else RETRY_SECONDS)
            else:
                self.state = "idle"

    def _next_segments(self) -> list[Segment]:
        """The oldest segments that fit into one run, at least one."""
        chosen: list[Segment] = []
        size = 0
        for segment in self._inbox.sealed:
            if chosen and size + segment.size > RUN_BYTES:
                break
            chosen.append(segment)
            size += segment.size
        return chosen

    async def _index(self, segments: Sequence[Segment]) -> Summary:
        self.state = "indexing"
        self._jobs.running = frozenset(segment.id for segment in segments)
        collection = self._services.settings.qdrant.collection
        results = _Results(segments, collection, self._observations)
        paths = tuple(str(segment.path) for segment in segments)
        try:
            summary = await self.index(paths, results)
            if summary.status == "complete":
                await asyncio.to_thread(self._keep, segments, results)
                await self._inbox.remove(segments)
        finally:
            self._jobs.running = frozenset()
        return summary

    async def index(self, sources: tuple[str, ...], observer: Observer) -> Summary:
        """One run over `sources`, from their beginning. Hold `turn`."""
        state = self._services.settings.state_folder / "serve"
        await asyncio.to_thread(_forget_checkpoints, state)
        job = Job(sources=sources, command="pulse serve", restart=True, report_documents=True)
        summary = await index_with(
            self._services, job, observer, self._stop, self._clock, state_folder=state
        )
        self._observations.run_ended(summary)
        return summary

    def _keep(self, segments: Sequence[Segment], results: _Results) -> None:
        for segment in segments:
            self._jobs.keep_results(segment.id, results.of(segment))
        self._jobs.delete_old()


class _Results:
    """An observer that keeps what became of each line of some segments."""

    def __init__(
        self, segments: Sequence[Segment], collection: str, observations: Observations
    ) -> None:
        self._collection = collection
        self._observations = observations
        self._lines: dict[str, dict[int, dict[str, Any]]] = {
            str(segment.path): {} for segment in segments
        }

    def on(self, event: Event) -> None:
        if isinstance(event, DocumentDone):
            line = event.place.line - 1
            self._lines[event.place.source][line] = result_of(event, self._collection)
            self._observations.document(event, f"{Path(event.place.source).stem}.{line}")

    def of(self, segment: Segment) -> list[dict[str, Any]]:
        """One result for each line; a line without a page has one that says so."""
        lines = self._lines[str(segment.path)]
        count = segment.path.read_bytes().count(b"\n")
        return [lines.get(number) or _NO_PAGE for number in range(count)]


_NO_PAGE = {
    "status": "error",
    "success": False,
    "document_url": "",
    "url": "",
    "error": "it holds no page",
    "error_type": "no-document",
}


def _forget_checkpoints(folder: Path) -> None:
    """Remove what earlier runs left besides their dead letters. Blocking."""
    if not folder.exists():
        return
    for path in folder.iterdir():
        if path.name.endswith(".dead.jsonl"):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
