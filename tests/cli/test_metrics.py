"""The textfile for Prometheus."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pulse_cli.cli.metrics import as_text, write_metrics
from pulse_cli.events import Counts, StageStats, Summary, Target

SUMMARY = Summary(
    run_id="r",
    status="complete",
    exit_code=3,
    sources=("a",),
    target=Target("local", "/data", 'odd "name"\\', 384),
    counts=Counts(indexed=7, skipped={"blank": 2}, dead={"invalid-json": 1}, chunks=20, tokens=900),
    bytes_read=1_000_000,
    embed_requests=3,
    seconds=2.0,
    cpu_seconds=0.5,
    peak_rss_bytes=1 << 20,
    documents_done=7,
    chunks_embedded=20,
    tokens_embedded=900,
    stages={"embed": StageStats(busy_s=1.5, p50_ms=40, p95_ms=60, p99_ms=90)},
)
LINE = re.compile(r'pulse_[a-z_]+\{([a-z]+="(?:[^"\\]|\\.)*",?)+\} [0-9.e+-]+')


def test_every_line_is_a_sample_or_a_comment():
    lines = as_text(SUMMARY, 1e9).splitlines()
    assert all(LINE.fullmatch(line) for line in lines if not line.startswith("# "))
    label = 'collection="odd \\"name\\"\\\\"'
    assert f"pulse_run_exit_code{{{label}}} 3" in lines
    assert f'pulse_run_records{{{label},outcome="indexed"}} 7' in lines
    assert f'pulse_run_dead{{{label},reason="invalid-json"}} 1' in lines
    assert f'pulse_run_stage_seconds{{{label},stage="embed",quantile="0.95"}} 0.06' in lines
    assert f"pulse_run_complete{{{label}}} 1" in lines


def test_the_file_is_replaced_whole_and_left_alone_on_failure(tmp_path):
    path = tmp_path / "pulse.prom"
    write_metrics(path, SUMMARY, 1e9)
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.read_text()
    broken = replace(SUMMARY, seconds="not a number")
    with pytest.raises((TypeError, ValueError)):
        write_metrics(path, broken, 1e9)
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == ["pulse.prom"]
    with pytest.raises(OSError, match="No such file"):
        write_metrics(tmp_path / "no" / "folder.prom", SUMMARY)
