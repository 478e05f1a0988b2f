"""`pulse index` and `pulse search` as they are used, over a simulated TEI."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_cli.cli.exit_codes import Exit

MODEL = "--set=chunk.max_tokens=128"


def test_index_search_and_status(pulse, crawl, tei):
    """The whole of it: three records, one of them dead; found again; told by status."""
    done = pulse("index", "crawl.jsonl", "--tei", tei, "--collection", "kitchen", "--json")
    assert done.code == Exit.DEAD_LETTERS, done.err
    found = done.json
    assert found["documents"] == {
        "indexed": 2,
        "unchanged": 0,
        "superseded": 0,
        "skipped": 0,
        "dead": 1,
    }
    assert found["status"] == "complete"
    assert found["target"]["collection"] == "kitchen"
    assert Path(found["dead_letters"]).exists()
    retry = f"pulse index {found['dead_letters']} --tei {tei} --collection kitchen"
    assert found["resume"] == retry

    again = pulse("index", "crawl.jsonl", "--tei", tei, "--collection", "kitchen")
    assert again.code == Exit.DEAD_LETTERS
    assert again.out == ""
    assert "2 unchanged" in again.err
    assert f'pulse search --tei {tei} --collection kitchen "your words"' in again.err

    hits = pulse("search", "--tei", tei, "--collection", "kitchen", "slow", "onions")
    assert hits.code == 0, hits.err
    first = hits.out.splitlines()
    assert first[0].startswith(" 1. Soup ")
    assert first[1] == "    https://kitchen.example/soup"
    assert "Onions, slowly." in first[2]
    assert "\x1b" not in hits.out

    shown = pulse("status").out
    assert "crawl.jsonl → kitchen in " in shown
    assert "2 unchanged" in shown
    assert "1 invalid-json" in shown
    assert f"pulse index {found['dead_letters'][:40]}" in shown
    runs = pulse("status", "--json").json["runs"]
    assert [run["status"] for run in runs] == ["complete"]


def test_search_as_json_is_what_the_service_answered(pulse, crawl, tei):
    pulse("index", "crawl.jsonl", "--tei", tei)
    found = pulse("search", "--tei", tei, "--mode", "bm25", "tea leaves", "--json").json
    assert set(found) == {"query", "mode", "total", "results"}
    assert (found["query"], found["mode"]) == ("tea leaves", "bm25")
    result = found["results"][0]
    assert set(result) == {
        *("id", "url", "title", "description", "text", "score", "chunk_index", "chunks"),
        *("metadata", "duplicates"),
    }
    assert result["url"] == "https://kitchen.example/tea"
    assert result["metadata"]["language"] == "en"
    none = pulse("search", "--mode", "bm25", "xylophone")
    assert (none.code, none.out) == (1, "No page matches 'xylophone'.\n")
    hits = pulse("search", "--mode", "bm25", "tea leaves", "--explain", "--json").json["results"]
    assert hits[0]["share"] == 1.0
    assert hits[0]["votes"]["bm25"]["rank"] == 1
    page = pulse("search", "--mode", "bm25", "tea leaves", "--explain").out
    assert page.splitlines()[0].endswith("  100 %")
    assert "    bm25: place 1, score " in page


def test_a_pipe_is_read_without_being_named(program, crawl, tei):
    whole = {"status": "completed", "data": [json.loads(crawl.read_text().splitlines()[0])]}
    for stdin in (json.dumps(whole).encode(), gzip.compress(json.dumps(whole).encode())):
        done = program("index", "--tei", tei, "--json", stdin=stdin)
        assert done.code == 0, done.err
        assert done.json["sources"] == ["-"]
        assert done.json["records"] == 1


def test_a_dry_run_writes_nothing(pulse, crawl, home):
    done = pulse("index", "--dry-run", "crawl.jsonl", "--progress", "none", "--json")
    assert done.code == Exit.DEAD_LETTERS
    assert done.json["chunks"] == 2
    assert not (home / "data").exists()
    assert not (home / "state").exists()
    assert "2 to index" in pulse("index", "--dry-run", "crawl.jsonl").err


def test_quiet_says_one_line_where_something_is_wrong_and_the_log_file_everything(
    pulse, crawl, tei, home
):
    log = home / "pulse.log"
    done = pulse(
        *("index", "crawl.jsonl", "--tei", tei, "-q", "--log-file", str(log)),
        *("--log-format", "json"),
    )
    assert (done.code, done.out) == (Exit.DEAD_LETTERS, "")
    last = json.loads(done.err)
    assert (last["event"], last["exit_code"]) == ("ended", 3)
    assert "1 record is a dead letter (exit 3)." in last["text"]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["event"] in ("message", "started", "waiting")
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("ended", 3)
    assert log.stat().st_mode & 0o777 == 0o600
    elsewhere = pulse("index", "crawl.jsonl", "--log-file", "no/such/folder/x.log")
    assert elsewhere.code == Exit.USAGE
    assert "the log cannot be written" in elsewhere.err


@pytest.mark.parametrize("no_color", [False, True])
def test_on_a_terminal_there_is_a_live_display(crawl, slow_tei, home, no_color):
    lead, follow = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    env |= {"NO_COLOR": "1"} if no_color else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_cli", "index", "crawl.jsonl", "--tei", slow_tei],
        stdout=subprocess.PIPE,
        stderr=follow,
        stdin=subprocess.DEVNULL,
        env=env,
    )
    os.close(follow)
    seen = b""
    try:
        while chunk := os.read(lead, 65536):
            seen += chunk
    except OSError:  # how a pseudo-terminal says that nobody writes any more
        pass
    os.close(lead)
    out, _ = process.communicate()
    assert process.returncode == Exit.DEAD_LETTERS
    assert out == b""
    assert b"Indexed 2 pages" in seen
    assert seen.count(b"\x1b[2K") > 4, "frames are drawn and cleared again"
    coloured = re.search(rb"\x1b\[(?:\d+;)*[34]\d", seen) is not None
    assert coloured is not no_color
    assert b"\x1b[31mred" not in seen, "the escape of a title"


def test_an_input_that_no_disk_here_has_room_for_is_told_at_the_start(pulse, crawl):
    """Before the model is loaded, which is not there, so that the hole of 8 TiB is never read."""
    command = ("index", "crawl.jsonl", "--set", "embed.model_path=missing.onnx")
    assert "are free for" not in pulse(*command).err
    try:
        os.truncate(crawl, 1 << 43)
    except OSError:
        pytest.skip("files of this disk cannot be so large")
    ran = pulse(*command)
    assert "missing.onnx" in ran.err
    assert "too little for the index of 8,388,608 MiB of pages" in " ".join(ran.err.split())


NOTHING = {
    "empty.jsonl": (b"", "is empty"),
    "blank.jsonl": (b"\n\n\n", "3 blank-line"),
    "event.jsonl": (b'{"type": "crawl.started", "id": "1", "data": []}\n', "1 event-without-page"),
    "a.pdf": (b"%PDF-1.7\n", "a PDF; let Firecrawl read it"),
}


@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
def test_nothing_to_index_is_no_success(pulse, home, name, flags):
    raw, says = NOTHING[name]
    (home / "work" / name).write_bytes(raw)
    done = pulse("index", name, *flags)
    assert done.code == Exit.USAGE
    assert "pulse: nothing to index" in done.err
    assert says in done.err
    assert "see `pulse index --help`" in " ".join(done.err.split())


@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
def test_a_folder_without_pages_is_no_success(pulse, home, flags):
    folder = home / "work" / "exports"
    folder.mkdir()
    assert "no file to read in it" in pulse("index", "exports", *flags).err
    for name in ("a.pdf", "b.pdf", "c.csv"):
        (folder / name).write_bytes(b"%PDF" if name != "c.csv" else b"a,b\n")
    done = pulse("index", "exports", *flags)
    assert done.code == Exit.USAGE
    assert "2 .pdf, 1 .csv" in " ".join(done.err.split())


def test_what_was_skipped_was_there_to_index(pulse, home):
    page = {"markdown": "Gone.", "metadata": {"url": "https://a.example/", "statusCode": 404}}
    (home / "work" / "gone.jsonl").write_text(json.dumps(page))
    assert pulse("index", "gone.jsonl").code == Exit.OK
