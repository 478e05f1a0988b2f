"""The worker: takes sealed segments of the inbox to the index, one run after another.

Guarantees: a segment is removed only when a run over it is complete and its results are on
disk. A run that was cut short is begun again from the start of its segments; what it had
written is recognised by the look-up, so that costs reading only, and every page has its result.
Segments are indexed in order, one run at a time, so the last version of a page that was
accepted is the one in the index. While segments pile up, a run takes as many as `RUN_BYTES`
hold: a burst of one-page events is indexed as one file of its pages would be.

Runs take turns with `pulse index` and other commands that write: the index is free between
two runs, and a command that waits for it is next.

A service that is down is waited for. Any other failure, a full disk too, is shown in the state
and tried again every `RETRY_SECONDS`: nothing that was accepted is ever dropped.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulse_cli.app.index import Job, index_with
from pulse_cli.engine import Stop
from pulse_cli.errors import Kind
from pulse_cli.events import DocumentDone, Event, Message, Summary
from pulse_cli.model import Outcome
from pulse_cli.ports import Clock, Observer
from pulse_cli.serve.crawls import QUIET_S, Crawls, Origin, origin
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
        crawls: Crawls,
        observations: Observations,
        observer: Observer,
        stop: Stop,
        clock: Clock,
    ) -> None:
        self._services = services
        self._inbox = inbox
        self._jobs = jobs
        self._crawls = crawls
        self._observations = observations
        self._observer = observer
        self._stop = stop
        self._clock = clock
        self.turn = asyncio.Lock()
        self.state = "idle"
        self.indexed: Callable[[], None] = lambda: None  # told after each complete run

    async def run(self) -> None:
        """Index what comes until told to stop."""
        while not self._stop.requested:
            await self._inbox.wait()
            try:
                async with self.turn:
                    summary = await self._index(self._next_segments())
            except OSError as error:  # the disk refuses a result, or a segment was taken away
                await self._wait(f"{self._inbox.folder}: {error}")
                continue
            if summary.status == "failed":
                assert summary.error is not None
                await self._wait(summary.error.message, busy=summary.error.kind is Kind.LOCKED)
            else:
                self.state = "idle"

    async def _wait(self, why: str, *, busy: bool = False) -> None:
        """Until it may go better. `busy`: another command has its turn, which is no failure."""
        self.state = f"waiting: {why}"
        self._observer.on(Message("debug" if busy else "error", why))
        await self._clock.sleep(TURN_SECONDS if busy else RETRY_SECONDS)

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
        origins = await asyncio.to_thread(_origins, segments)
        results = _Results(origins, collection, self._observations, self._observer)
        began = self._clock.monotonic()
        total = sum(map(len, origins.values()))
        self._observer.on(Message("info", f"batch started: total={total}; service pool reused"))
        paths = tuple(str(segment.path) for segment in segments)
        try:
            summary = await self.index(paths, results)
            if summary.status == "complete":
                await asyncio.to_thread(self._keep, segments, results)
                await self._inbox.remove(segments)
                self.indexed()
            took_ms = 1000 * (self._clock.monotonic() - began)
            self._observations.turn_ended(len(segments), took_ms, summary)
        finally:
            self._jobs.running = frozenset()
        return summary

    async def index(
        self,
        sources: tuple[str, ...],
        observer: Observer,
        *,
        prune: bool = False,
        force: bool = False,
    ) -> Summary:
        """One run over `sources`, from their beginning. Hold `turn`.

        `force`: pages that the index already holds are indexed all the same.
        """
        state = self._services.settings.state_folder / "serve"
        await asyncio.to_thread(_forget_checkpoints, state)
        job = Job(
            sources=sources,
            command="pulse serve",
            restart=True,
            prune=prune,
            force=force,
            report_documents=True,
            any_dead=True,
        )
        summary = await index_with(
            self._services, job, observer, self._stop, self._clock, state_folder=state
        )
        self._observations.run_ended(summary)
        counts = summary.counts
        failed = sum(counts.dead.values())
        self._observer.on(
            Message(
                "info",
                f"batch {summary.status}: total={counts.records} success={counts.records - failed}"
                f" failed={failed} duration_ms={1000 * summary.seconds:.0f}",
            )
        )
        return summary

    def _keep(self, segments: Sequence[Segment], results: _Results) -> None:
        for segment in segments:
            self._jobs.keep_results(segment.id, results.of(segment))
        crawls = results.crawls()
        for of, urls in crawls:
            self._crawls.note(of, urls, ask_in=QUIET_S)
        if crawls:
            self._crawls.keep()
        self._jobs.delete_old()


class _Results:
    """An observer that keeps what became of each line of some segments."""

    def __init__(
        self,
        origins: Mapping[str, list[Origin]],
        collection: str,
        observations: Observations,
        observer: Observer,
    ) -> None:
        self._observer = observer
        self._origins = origins
        self._collection = collection
        self._observations = observations
        self._lines: dict[str, dict[int, dict[str, Any]]] = {path: {} for path in origins}

    def on(self, event: Event) -> None:
        if isinstance(event, DocumentDone):
            line = event.place.line - 1
            source = event.place.source
            self._lines[source][line] = result_of(event, self._collection)
            self._observer.on(_logged(event))
            origin = self._origins[source][line]
            self._observations.document(event, f"{Path(source).stem}.{line}", origin)

    def of(self, segment: Segment) -> list[dict[str, Any]]:
        """One result for each line; a line without a page has one that says so."""
        lines = self._lines[str(segment.path)]
        count = len(self._origins[str(segment.path)])
        return [lines.get(number) or _NO_PAGE for number in range(count)]

    def crawls(self) -> list[tuple[Origin, list[str]]]:
        """Each crawl, with how it ended, if it did, and the addresses of its pages."""
        found: dict[str, tuple[Origin, list[str]]] = {}
        for source, origins in self._origins.items():
            for line, one in enumerate(origins):
                if one.id:
                    before, urls = found.get(one.id, (one, []))
                    result = self._lines[source].get(line)
                    if result is not None:
                        urls.append(result["url"])
                    found[one.id] = (one if one.ended else before, urls)
        return list(found.values())


def _logged(done: DocumentDone) -> Message:
    """The line of the log for one page."""
    if done.outcome is Outcome.DEAD:
        return Message("warning", f"failed: url={done.url} error={done.detail or done.reason}")
    return Message("info", f"{done.outcome}: url={done.url} chunks={done.chunks}")


_NO_PAGE = {
    "status": "error",
    "success": False,
    "document_url": "",
    "url": "",
    "error": "it holds no page",
    "error_type": "no-document",
}


def _origins(segments: Sequence[Segment]) -> dict[str, list[Origin]]:
    """Of each line of each segment, by its path. Blocking."""
    found = {}
    for segment in segments:
        with segment.path.open("rb") as file:
            found[str(segment.path)] = [origin(line) for line in file]
    return found


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
