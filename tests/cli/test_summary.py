"""What is said at the end of a run, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pulse_cli.app.summary_json import as_object, failed
from pulse_cli.cli.exit_codes import exit_of_run, with_exit_code
from pulse_cli.cli.summary import as_page
from pulse_cli.errors import Kind
from pulse_cli.events import Counts, Problem, StageStats, Summary, Target

SUMMARY = Summary(
    run_id="r1",
    status="complete",
    sources=("crawl.jsonl",),
    target=Target("local", "/data/pulse", "pulse_docs", 384),
    counts=Counts(
        indexed=1204,
        unchanged=36,
        skipped={"blank": 3, "http-error": 1},
        dead={"invalid-json": 2},
        no_document={"blank-line": 5},
        chunks=5301,
        tokens=982_041,
        bytes_text=4_000_000,
        truncated=7,
    ),
    bytes_read=18_000_000,
    embed_requests=170,
    seconds=12.0,
    cpu_seconds=3.5,
    peak_rss_bytes=200 << 20,
    documents_done=600,
    chunks_embedded=2400,
    tokens_embedded=480_000,
    stages={"embed": StageStats(busy_s=11.5, p50_ms=40, p95_ms=60, p99_ms=90)},
    checkpoint="/state/crawl.ckpt.json",
    dead_letters="/state/crawl.dead.jsonl",
    resume="pulse index /state/crawl.dead.jsonl",
    notes=("crawl.jsonl: 51 of 240 pages; fetch the rest",),
)

KEYS = {
    *("run_id", "status", "exit_code", "sources", "target", "records", "documents", "skipped"),
    *("dead", "chunks", "tokens", "bytes_read", "bytes_text", "embed_requests", "seconds"),
    *("cpu_seconds", "peak_rss_bytes", "rates", "stages", "no_document", "truncated"),
    *("checkpoint", "dead_letters", "resume", "error"),
}


def test_the_object_has_the_documented_keys_and_adds_up():
    found = json.loads(json.dumps(with_exit_code(as_object(SUMMARY), exit_of_run(SUMMARY))))
    assert set(found) >= KEYS
    assert found["records"] == sum(found["documents"].values()) == 1246
    assert found["documents"] == {"indexed": 1204, "unchanged": 36, "skipped": 4, "dead": 2}
    assert found["exit_code"] == 3
    assert found["rates"] == {
        "documents_per_s": 50,
        "chunks_per_s": 200,
        "tokens_per_s": 40_000,
        "mb_per_s": 1.5,
    }
    assert found["stages"]["embed"] == {"busy_s": 11.5, "p50_ms": 40, "p95_ms": 60, "p99_ms": 90}
    assert found["error"] is None


def test_a_run_that_never_began_has_the_same_keys():
    found = failed(Kind.USAGE, "no such option at http://ana:secret@host", "see --help")
    assert set(found) == set(as_object(SUMMARY))
    assert found["status"] == "failed"
    assert found["error"]["message"] == "no such option at http://***@host"


def test_the_page_tells_what_became_of_the_records_and_what_to_do():
    page = as_page(SUMMARY, 'pulse search --collection x "your words"')
    for part in (
        "Indexed 1,204 pages as 5,301 chunks (982,041 tokens) in 12.0 s.",
        "1,204 indexed, 36 unchanged, 4 skipped, 2 dead",
        "3 blank, 1 http-error",
        "2 invalid-json",
        "kept in /state/crawl.dead.jsonl",
        "5 blank-line",
        "7 chunks cut by the server",
        "50.0 pages/s, 200 chunks/s, 40,000 tokens/s",
        "pulse_docs in /data/pulse (local, 384 dimensions)",
        "crawl.jsonl: 51 of 240 pages",
        "pulse index /state/crawl.dead.jsonl",
        'pulse search --collection x "your words"',
    ):
        assert part in page, part


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_cut_short_says_how_to_go_on(status):
    problem = Problem(Kind.DISK, "the disk is \x1b[31mfull", "make room")
    error = problem if status == "failed" else None
    cut = replace(SUMMARY, status=status, error=error, resume="pulse index crawl.jsonl")
    page = as_page(cut, "pulse search")
    assert "What is indexed is safe." in page
    assert "pulse index crawl.jsonl" in page
    assert "pulse search" not in page
    if error:
        assert r"pulse: the disk is \x1b[31mfull" in page
        assert "make room" in page
