"""What is seen of a run, driven by the events that the engine sends."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pulse_cli.cli.display import MARGIN, Display
from pulse_cli.cli.lines import Lines
from pulse_cli.events import Counts, Draining, Event, Message, Progress, StageStats, Started, Stats

HOSTILE = "[red]\x1b[2Jcrawl\u202e.jsonl"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def busy(seconds: float = 7.0, done: int = 1204) -> Stats:
    return Stats(
        counts=Counts(indexed=done, unchanged=36, skipped={"empty": 3}, dead={"invalid-json": 1}),
        stages={
            "read": StageStats(limit=1),
            "prepare": StageStats(in_flight=1, limit=2),
            "embed": StageStats(in_flight=7, limit=8, waiting=120, retries=4),
            "store": StageStats(in_flight=2, limit=3),
        },
        bytes_read=12_000_000,
        bytes_total=18_000_000,
        elapsed_s=seconds,
        open_records=622,
        chunks_embedded=5301 + int(100 * seconds),
        tokens_embedded=900_000,
        documents_done=1204,
    )


def events(stats: Stats) -> list[Event]:
    return [
        Started("run", True, (HOSTILE,), "pulse_docs"),
        Message("warning", "the server is slow", "crawl.jsonl:line 3, byte 456"),
        Message("debug", "a detail"),
        Progress(busy(seconds=1)),
        Progress(stats),
        Draining("SIGINT"),
    ]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_live_display_fits_any_width_and_keeps_its_height(width):
    display = Display(Console(width=width, file=io.StringIO(), force_terminal=True))
    display.on(Started("run", True, (HOSTILE * 9,), "a-collection-with-a-long-name" * 9))
    drawn = []
    for stats in (Stats(), busy()):
        console = Console(width=width, record=True, file=io.StringIO())
        console.print(display.frame(stats))
        drawn.append(console.export_text().splitlines())
    assert len(drawn[0]) == len(drawn[1]) == 6
    assert max(len(line) for frame in drawn for line in frame) <= width - MARGIN


def test_the_live_display_tells_what_there_is_to_know():
    display = Display(Console(width=120, file=io.StringIO(), force_terminal=True))
    for event in events(busy()):
        display.on(event)
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(display.frame(busy()))
    text = console.export_text()
    for part in (
        "44 % of 18.0 MB",
        "1,204 indexed · 36 unchanged · 3 skipped · 1 dead",
        "6,001 embedded",
        "100 chunks/s",
        "cutting 1 · embedding 7 (+120 waiting) · writing 2 · 4 sent again",
        "finishing what is in flight (SIGINT); Ctrl-C again stops at once",
        r"[red]\x1b[2Jcrawl\u202e.jsonl → pulse_docs",
    ):
        assert part in text, part


def test_the_live_display_goes_away_and_leaves_the_messages():
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None)
    with Display(console) as display:
        for event in events(busy()):
            display.on(event)
    left = stream.getvalue()
    assert "crawl.jsonl:line 3, byte 456: the server is slow" in left
    assert "a detail" not in left
    assert "\x1b[2J" not in left
    assert left.rstrip().endswith("\x1b[2K")  # the last thing written wipes the display


def test_lines_have_a_time_stamp_and_come_every_few_seconds():
    stream = io.StringIO()
    lines = Lines(stream, every=5.0, now=lambda: NOON)
    for event in events(busy()):
        lines.on(event)
    for tick in range(40):
        lines.on(Progress(busy(seconds=7 + tick / 4)))
    written = stream.getvalue().splitlines()
    assert all(line.startswith("2026-03-01T12:00:00+00:00 ") for line in written)
    figures = [line for line in written if "records" in line]
    assert len(figures) == 3  # at 1, 7 and 12 seconds
    assert "44 % done, 1,244 records: 1,204 indexed, 36 unchanged, 3 skipped, 1 dead" in figures[1]
    assert "resumed" in written[0]
    assert "warning: crawl.jsonl:line 3, byte 456: the server is slow" in written[1]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", stream.getvalue())


def test_json_lines_are_one_object_each():
    stream = io.StringIO()
    lines = Lines(stream, as_json=True, level="debug", now=lambda: NOON)
    for event in [*events(busy()), Message("info", "at http://ana:secret@host")]:
        lines.on(event)
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["event"] for one in found] == [
        "resumed",
        "message",
        "message",
        "progress",
        "progress",
        "draining",
        "message",
    ]
    assert found[0]["sources"] == [HOSTILE]
    assert found[4]["counts"]["skipped"] == {"empty": 3}
    assert found[4]["stages"]["embed"]["in_flight"] == 7
    assert found[4]["chunks_per_s"] == pytest.approx(100)
    assert found[4]["left_s"] is None or found[4]["left_s"] >= 0
    assert found[6]["text"] == "at http://***@host"


@pytest.mark.parametrize(
    ("level", "texts"),
    [("debug", ["a", "b", "c", "d"]), ("info", ["b", "c", "d"]), ("error", ["d"])],
)
def test_levels_leave_out_what_is_below(level, texts):
    stream = io.StringIO()
    lines = Lines(stream, level=level, now=lambda: NOON)
    for name, text in zip(("debug", "info", "warning", "error"), "abcd", strict=True):
        lines.on(Message(name, text))  # type: ignore[arg-type]
    assert [line[-1] for line in stream.getvalue().splitlines()] == texts
