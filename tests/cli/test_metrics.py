"""The textfile for Prometheus."""

from __future__ import annotations

import re
from pathlib import Path

from pulse_cli.cli.metrics import MetricsFile
from pulse_cli.errors import Kind
from pulse_cli.events import (
    Counts,
    Ended,
    Event,
    Message,
    Problem,
    Progress,
    StageStats,
    Started,
    Stats,
    Summary,
    Target,
)

COUNTS = Counts(indexed=7, skipped={"blank": 2}, dead={"invalid-json": 1}, chunks=20, tokens=900)
STAGES = {"embed": StageStats(requests=4, retries=1, busy_s=1.5, p50_ms=40, p95_ms=60)}
LABELS = 'collection="odd \\"name\\"\\\\",sources="a.jsonl"'
SAMPLE = re.compile(r'(pulse_[a-z_]+)\{([a-z]+="(?:[^"\\]|\\.)*",?)+\} -?[0-9.e+-]+')


class Heard:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def on(self, event: Event) -> None:
        self.events.append(event)


def summary(status: str = "complete", error: Kind | None = None) -> Summary:
    return Summary(
        run_id="r",
        status=status,  # type: ignore[arg-type]
        sources=("a.jsonl",),
        target=Target("local", "/data", "c", 384),
        counts=COUNTS,
        bytes_read=1_000_000,
        embed_requests=3,
        seconds=2.0,
        cpu_seconds=0.5,
        peak_rss_bytes=1 << 20,
        documents_done=7,
        chunks_embedded=20,
        tokens_embedded=900,
        stages=STAGES,
        pruned=5,
        error=Problem(error, "why", "") if error else None,
    )


def metrics(path: Path, at: float = 1e9, heard: Heard | None = None) -> MetricsFile:
    return MetricsFile(path, 'odd "name"\\', ("a.jsonl",), heard or Heard(), now=lambda: at)


def test_the_file_is_valid_and_tells_the_run(tmp_path: Path) -> None:
    path = tmp_path / "pulse.prom"
    metrics(path).on(Ended(summary()))
    lines = path.read_text().splitlines()
    described: list[str] = []
    for line in lines:
        if line.startswith("# HELP "):
            described.append(line.split()[2])
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {described[-1]} gauge"
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] == described[-1], "samples stand below their own HELP and TYPE"
    assert len(described) == len(set(described))
    assert f"pulse_run_exit_code{{{LABELS}}} 3" in lines
    assert f"pulse_run_running{{{LABELS}}} 0.0" in lines
    assert f'pulse_records{{{LABELS},outcome="indexed"}} 7' in lines
    assert f'pulse_dead_records{{{LABELS},reason="invalid-json"}} 1' in lines
    assert f'pulse_stage_retries{{{LABELS},stage="embed"}} 1' in lines
    quantile = f'{LABELS},stage="embed",quantile="0.95"'
    assert f"pulse_stage_duration_seconds{{{quantile}}} 0.06" in lines
    assert f"pulse_pruned_pages{{{LABELS}}} 5" in lines
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["pulse.prom"]


def test_it_is_replaced_while_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "pulse.prom"
    heard = Heard()
    file = metrics(path, heard=heard)
    file.on(Started("r", False, ("a.jsonl",), "/data"))
    assert f"pulse_run_running{{{LABELS}}} 1.0" in path.read_text()
    stats = Stats(counts=Counts(indexed=1), elapsed_s=1.0)
    for at, indexed, shown in ((1.0, 1, 1), (9.0, 2, 1), (16.5, 3, 3)):
        stats.elapsed_s, stats.counts.indexed = at, indexed
        file.on(Progress(stats))
        line = f'pulse_records{{{LABELS},outcome="indexed"}} {shown}'
        assert line in path.read_text().splitlines()
    assert len(heard.events) == 4, "events are passed on"


def test_the_last_success_outlives_later_failures(tmp_path: Path) -> None:
    path = tmp_path / "pulse.prom"
    metrics(path, at=1000.5).on(Ended(summary()))
    for status, kind in (("failed", Kind.UNAVAILABLE), ("complete", Kind.PRUNE_REFUSED)):
        metrics(path, at=2000.0).on(Ended(summary(status, kind)))
        assert f"pulse_last_success_timestamp_seconds{{{LABELS}}} 1000.5" in path.read_text()
    metrics(path, at=3000.0).on(Ended(summary()))
    assert f"pulse_last_success_timestamp_seconds{{{LABELS}}} 3000.0" in path.read_text()


def test_a_file_that_cannot_be_written_is_warned_of_once(tmp_path: Path) -> None:
    heard = Heard()
    file = metrics(tmp_path / "no" / "folder.prom", heard=heard)
    file.on(Ended(summary()))
    file.on(Ended(summary()))
    assert [type(event) for event in heard.events] == [Message, Ended, Ended]
    assert "folder.prom" in heard.events[0].text
