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
    dead_examples={
        "invalid-json": {
            "source": "crawl.jsonl",
            "line": 7,
            "byte": 99,
            "detail": "not valid JSON: unexpected end of data",
        }
    },
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
    assert found["documents"] == {
        "indexed": 1204,
        "unchanged": 36,
        "superseded": 0,
        "skipped": 4,
        "dead": 2,
    }
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
    found = as_object(failed(Kind.USAGE, "no such option at http://ana:secret@host", "see --help"))
    assert set(found) == set(as_object(SUMMARY))
    assert found["status"] == "failed"
    assert found["error"]["message"] == "no such option at http://***@host"


def test_the_page_tells_what_became_of_the_records_and_what_to_do():
    page = as_page(SUMMARY, "pulse search --collection x")
    for part in (
        "1,204 indexed, 36 unchanged, 4 skipped, 2 dead letters",
        "3 blank, 1 http-error",
        "2 invalid-json, such as: crawl.jsonl:7: not valid JSON",
        "to do: Mend the line",
        "kept in    /state/crawl.dead.jsonl",
        "5 blank-line",
        "7 chunks cut by the server",
        "50.0 pages/s, 200 chunks/s, 40,000 tokens/s",
        "pulse_docs in /data/pulse (local, 384 dimensions)",
        "crawl.jsonl: 51 of 240 pages",
        "pulse index /state/crawl.dead.jsonl",
        'pulse search --collection x "your words"',
    ):
        assert part in page, part
    assert page.splitlines()[-1] == (
        "Indexed 1,204 pages as 5,301 chunks (982,041 tokens), found 36 unchanged, in 12.0 s; "
        "2 records are dead letters (exit 3)."
    )


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_cut_short_says_how_to_go_on(status):
    problem = Problem(Kind.DISK, "the disk is \x1b[31mfull", "make room")
    error = problem if status == "failed" else None
    cut = replace(SUMMARY, status=status, error=error, stopped_by="SIGINT", resume="pulse index x")
    page = as_page(cut, "pulse search")
    assert "Go on:       pulse index x" in page
    assert "pulse search" not in page
    last = page.splitlines()[-1]
    if error:
        assert page.startswith("pulse: the disk is \\x1b[31mfull\n       make room\n")
        told = "Stopped after 12.0 s with 1,204 pages indexed: the disk is \\x1b[31mfull (exit 1)."
        assert last == told
    else:
        assert last.startswith("Interrupted after 12.0 s: 1,204 pages indexed, nothing is lost")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"counts": Counts(unchanged=481)}, "Nothing has changed: 481 pages are in the index as"),
        ({"counts": Counts(unchanged=1)}, "Nothing has changed: 1 page is in the index as before"),
        (
            {"counts": Counts(indexed=481, chunks=900), "earlier": Counts(indexed=200, chunks=400)},
            "Went on where the run had stopped and indexed 281 pages as 500 chunks (0 tokens), "
            "481 in all, in 12.0 s.",
        ),
        (
            {"status": "limited", "counts": Counts(indexed=9, skipped={"blank": 1})},
            "Stopped after 10 records, as --limit asks: 9 pages indexed.",
        ),
        (
            {"error": Problem(Kind.PRUNE_REFUSED, "too many pages", "")},
            "in 12.0 s, but too many pages; 2 records are dead letters (exit 4).",
        ),
    ],
)
def test_the_last_line_says_in_a_sentence_how_it_went(changes, says):
    ended = replace(SUMMARY, **{"dead_examples": {}, **changes})
    if "counts" in changes:
        ended = replace(ended, dead_letters=None)
    assert says in as_page(ended, "pulse search").splitlines()[-1]


def test_of_a_run_that_never_began_the_error_is_said_alone():
    page = as_page(failed(Kind.MISSING_SOURCE, "x.jsonl does not exist", "name a file"), "")
    assert page == "pulse: x.jsonl does not exist\n       name a file"
