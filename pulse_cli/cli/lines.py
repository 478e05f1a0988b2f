"""Progress as lines with a time stamp, for cron, pipes and log files: as text or as JSON.

Progress is written at most once in `every` seconds of the run, messages at once. A line is
written whole and flushed, so a log ends with a whole line even after a crash.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from pulse_cli import numbers
from pulse_cli.cli import ending
from pulse_cli.cli.exit_codes import exit_of_run
from pulse_cli.cli.layout import waiting
from pulse_cli.cli.streams import abandon
from pulse_cli.cli.throughput import Throughput
from pulse_cli.events import (
    Draining,
    Ended,
    Event,
    Message,
    Progress,
    Started,
    Stats,
    Summary,
    Waiting,
)
from pulse_cli.sanitize import mask_credentials, sanitize

WAITING_EVERY_S = 30.0
LEVELS = ("debug", "info", "warning", "error")
Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Lines:
    """An observer that writes one line per event to `stream`.

    `page_follows`: a summary page follows, so the end of the run is not written as a line.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        as_json: bool = False,
        level: str = "info",
        every: float = 5.0,
        page_follows: bool = False,
        now: Now = utc_now,
    ) -> None:
        self._stream = stream
        self._as_json = as_json
        self._threshold = LEVELS.index(level)
        self._every = every
        self._page_follows = page_follows and not as_json
        self._now = now
        self._due = 0.0
        self._throughput = Throughput()
        self._waiting: Waiting | None = None

    def on(self, event: Event) -> None:
        match event:
            case Progress() if event.stats.elapsed_s >= self._due:
                self._throughput.update(event.stats)
                self._due = event.stats.elapsed_s + self._every
                self._figures(event.stats)
            case Started():
                word = "resumed" if event.resumed else "started"
                text = f"{word}: {', '.join(event.sources)} → {event.target}"
                self._write("info", word, text, run_id=event.run_id, sources=event.sources)
            case Draining():
                self._write(
                    "warning",
                    "draining",
                    f"finishing what is in flight: {event.reason}; again stops at once",
                )
            case Waiting() if self._is_news(event):
                more = asdict(event) if self._as_json else {}
                self._write("warning", "waiting", waiting(event), **more)
            case Message():
                text = f"{event.where}: {event.text}" if event.where else event.text
                self._write(event.level, "message", text)
            case Ended() if not self._page_follows:
                self._ending(event.summary)

    def _ending(self, summary: Summary) -> None:
        """Write the end of the run; if something is wrong, at every level of messages."""
        code = exit_of_run(summary)
        if code:
            self._threshold = 0
        text = ending.sentence(summary)
        if summary.error is not None and summary.error.hint:
            text += f" To do: {summary.error.hint}."
        self._write(
            ending.level(summary),
            "ended",
            text,
            run_id=summary.run_id,
            status=summary.status,
            exit_code=int(code),
        )

    def _is_news(self, event: Waiting) -> bool:
        """Whether to write another line: the first at once, then one every half minute."""
        last = self._waiting
        same = last is not None and last.what == event.what and event.waited_s >= last.waited_s
        if same and last is not None and event.waited_s - last.waited_s < WAITING_EVERY_S:
            return False
        self._waiting = event
        return True

    def _figures(self, stats: Stats) -> None:
        if self._as_json:
            self._write("info", "progress", "", **_progress(stats, self._throughput))
        else:
            self._write("info", "progress", _sentence(stats, self._throughput))

    def _write(self, level: str, event: str, text: str, **more: Any) -> None:
        if LEVELS.index(level) < self._threshold:
            return
        stamp = self._now().isoformat(timespec="seconds")
        if self._as_json:
            body = {"time": stamp, "level": level, "event": event}
            line = json.dumps(
                {**body, **({"text": mask_credentials(text)} if text else {}), **more}
            )
        else:
            mark = "" if level in ("info", "debug") else f"{level}: "
            line = f"{stamp} {mark}{sanitize(text)}"
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:  # its reader has gone, or its disk is full: no reason to stop a run
            abandon(self._stream)
            self._threshold = len(LEVELS)


def _sentence(stats: Stats, throughput: Throughput) -> str:
    counts = stats.counts
    parts = [f"{counts.records:,} records: {counts.indexed:,} indexed"]
    skipped, dead = sum(counts.skipped.values()), sum(counts.dead.values())
    for number, word in ((counts.unchanged, "unchanged"), (skipped, "skipped"), (dead, "dead")):
        if number:
            parts.append(f"{number:,} {word}")
    sentence = ", ".join(parts) + f"; {numbers.rate(throughput.chunks_per_s)} chunks/s"
    share = throughput.share(stats)
    if share is not None:
        sentence = f"{100 * share:.0f} % done, {sentence}"
    left = throughput.left_s(stats)
    if left is not None:
        sentence += f", about {numbers.clock(left)} left"
    return sentence + (f"; {waiting(stats.waiting_for)}" if stats.waiting_for else "")


def _progress(stats: Stats, throughput: Throughput) -> dict[str, Any]:
    left = throughput.left_s(stats)
    return {
        **asdict(stats),
        "documents_per_s": round(throughput.documents_per_s, 3),
        "chunks_per_s": round(throughput.chunks_per_s, 3),
        "tokens_per_s": round(throughput.tokens_per_s, 3),
        "left_s": None if left is None else round(left, 1),
    }
