"""Metrics of a run for Prometheus' textfile collector, in one file that is replaced as a whole.

It is replaced every 15 s during the run and at its end. All metrics are gauges, because they begin
anew with each run. Only `pulse_last_success_timestamp_seconds` is taken over from the previous
file, so that an alert can say "no complete run for 26 hours".

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pulse_cli.atomic_file import write_atomically
from pulse_cli.cli.exit_codes import exit_of_run
from pulse_cli.events import Ended, Event, Message, Progress, Started, Stats, Summary
from pulse_cli.ports import Observer
from pulse_cli.sanitize import mask_credentials

EVERY_SECONDS = 15.0
_SUCCESS = "pulse_last_success_timestamp_seconds"
_HELP = {
    "pulse_run_running": "1 during a run, 0 after its end.",
    "pulse_run_start_timestamp_seconds": "When the latest run started.",
    "pulse_run_update_timestamp_seconds": "When this file was written.",
    "pulse_run_seconds": "How long the latest run has taken.",
    "pulse_run_exit_code": "Exit code of the latest run, -1 during the run.",
    _SUCCESS: "When a run was last complete (exit code 0 or 3), 0 if never.",
    "pulse_records": "Records of the run by outcome.",
    "pulse_skipped_records": "Skipped records by reason.",
    "pulse_dead_records": "Dead letters by reason.",
    "pulse_chunks": "Chunks of the pages indexed.",
    "pulse_tokens": "Tokens of the pages indexed.",
    "pulse_pruned_pages": "Pages removed that the crawl no longer holds.",
    "pulse_read_bytes": "Bytes read of the sources, as stored.",
    "pulse_open_records": "Records that are read but not finished.",
    "pulse_stage_requests": "Requests of a stage.",
    "pulse_stage_retries": "Requests of a stage that failed and were repeated.",
    "pulse_stage_dead_records": "Records that became dead letters in a stage.",
    "pulse_stage_limit": "How many requests a stage may have in flight.",
    "pulse_stage_busy_seconds": "Time with at least one request of the stage in flight.",
    "pulse_stage_duration_seconds": "Duration of requests of a stage, by quantile.",
}

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]


class MetricsFile:
    """An observer that passes everything on to `inner`.

    If the file cannot be written, there is one warning, and the run goes on.
    """

    def __init__(
        self,
        path: Path,
        collection: str,
        sources: tuple[str, ...],
        inner: Observer,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._labels = {
            "collection": collection,
            "sources": mask_credentials(" ".join(sources))[:200],
        }
        self._inner = inner
        self._now = now
        self._began = now()
        self._due = 0.0
        self._success = _last_success(path)
        self._warned = False

    def on(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._ended(event.summary)  # first, because the inner observer prints the last line
        self._inner.on(event)
        if isinstance(event, Started):
            self._write([*self._run(Stats(), None)])
        elif isinstance(event, Progress) and event.stats.elapsed_s >= self._due:
            self._due = event.stats.elapsed_s + EVERY_SECONDS
            self._write([*self._run(event.stats, None), *_work(event.stats)])

    def _ended(self, summary: Summary) -> None:
        """Write the final metrics."""
        exit_code = int(exit_of_run(summary))
        if summary.status == "complete" and exit_code in (0, 3):
            self._success = self._now()
        stats = Stats(
            counts=summary.counts,
            stages=summary.stages,
            bytes_read=summary.bytes_read,
            elapsed_s=summary.seconds,
        )
        pruned: Sample = ("pulse_pruned_pages", {}, summary.pruned)
        self._write([*self._run(stats, exit_code), *_work(stats), pruned])

    def _run(self, stats: Stats, exit_code: int | None) -> Iterator[Sample]:
        yield "pulse_run_running", {}, float(exit_code is None)
        yield "pulse_run_start_timestamp_seconds", {}, self._began
        yield "pulse_run_update_timestamp_seconds", {}, self._now()
        yield "pulse_run_seconds", {}, stats.elapsed_s
        yield "pulse_run_exit_code", {}, -1 if exit_code is None else exit_code
        yield _SUCCESS, {}, self._success

    def _write(self, samples: list[Sample]) -> None:
        try:
            # 0644 and not 0600: the collector is another user.
            text = exposition(samples, self._labels)
            write_atomically(self._path, text.encode(), mode=0o644, durable=False)
        except OSError as error:
            if not self._warned:
                self._warned = True
                why = error.strerror or error
                self._inner.on(Message("warning", f"{self._path}: no metrics: {why}"))


def _work(stats: Stats) -> Iterator[Sample]:
    counts = stats.counts
    outcomes = {
        "indexed": counts.indexed,
        "unchanged": counts.unchanged,
        "superseded": counts.superseded,
        "skipped": sum(counts.skipped.values()),
        "dead": sum(counts.dead.values()),
    }
    for outcome, number in outcomes.items():
        yield "pulse_records", {"outcome": outcome}, number
    for reason, number in counts.skipped.items():
        yield "pulse_skipped_records", {"reason": reason}, number
    for reason, number in counts.dead.items():
        yield "pulse_dead_records", {"reason": reason}, number
    yield "pulse_chunks", {}, counts.chunks
    yield "pulse_tokens", {}, counts.tokens
    yield "pulse_read_bytes", {}, stats.bytes_read
    yield "pulse_open_records", {}, stats.open_records
    for name, stage in stats.stages.items():
        of = {"stage": name}
        yield "pulse_stage_requests", of, stage.requests
        yield "pulse_stage_retries", of, stage.retries
        yield "pulse_stage_dead_records", of, stage.dead
        yield "pulse_stage_limit", of, stage.limit
        yield "pulse_stage_busy_seconds", of, stage.busy_s
        for quantile, value in (("0.5", stage.p50_ms), ("0.95", stage.p95_ms)):
            yield "pulse_stage_duration_seconds", {**of, "quantile": quantile}, value / 1e3


def exposition(samples: list[Sample], shared: Labels) -> str:
    """The samples as text, those of one name together below its HELP and TYPE."""
    lines: list[str] = []
    for name, why in _HELP.items():
        own = [(labels, value) for found, labels, value in samples if found == name]
        if own:
            lines += [f"# HELP {name} {why}", f"# TYPE {name} gauge"]
            lines += [f"{name}{{{_labels({**shared, **more})}}} {value!r}" for more, value in own]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    text = value.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _last_success(path: Path) -> float:
    if not path.is_file():  # reading a pipe or a device could wait for ever
        return 0.0
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return 0.0
    found = re.search(rf"^{_SUCCESS}\{{.*\}} ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
