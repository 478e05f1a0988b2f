"""What the state folder keeps of runs: shown by source, and removed by source and age."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.which_runs import runs_over


@pytest.fixture
def runs(pulse, crawl: Path, home: Path) -> Path:
    """The state folder after a run with a dead letter, and one that was stopped half way."""
    assert pulse("index", "crawl.jsonl", "-q").code == Exit.DEAD_LETTERS
    (home / "work" / "more").mkdir()
    other = home / "work" / "more" / "half.jsonl"
    other.write_bytes(crawl.read_bytes())
    assert pulse("index", str(other), "--limit", "1", "-q").code == Exit.OK
    return home / "state" / "pulse"


def kept(folder: Path) -> set[str]:
    """Names of the files about runs, up to the first hash."""
    found = (path.name for path in folder.iterdir() if not path.name.endswith(".lock"))
    return {name.partition("-")[0] for name in found if name != "runs.jsonl"}


def test_a_source_is_forgotten_and_the_others_and_the_index_stay(pulse, runs):
    counted = pulse("forget", "crawl.jsonl", "--dry-run")
    assert counted.code == Exit.OK
    assert counted.out.startswith(
        "1 run (0 unfinished), 1 file of dead letters, 1 start in the log:\n"
    )
    assert kept(runs) == {"crawl.jsonl", "half.jsonl"}
    done = pulse("forget", "crawl.jsonl", "--yes", "--json")
    assert done.json == {
        "runs": 1,
        "unfinished": 0,
        "dead_letter_files": 1,
        "starts": 1,
        "removed": True,
    }
    assert kept(runs) == {"half.jsonl"}
    assert "half.jsonl" in pulse("status").out
    assert "crawl.jsonl" not in pulse("status").out
    assert pulse("search", "tea").code == Exit.OK
    assert pulse("forget", "crawl.jsonl", "--yes").code == Exit.FATAL


def test_age_counts_from_the_last_save(pulse, runs):
    assert pulse("forget", "--older-than", "1h", "--yes").code == Exit.FATAL
    assert kept(runs) == {"crawl.jsonl", "half.jsonl"}
    (letters,) = runs.glob("crawl*.dead.jsonl")
    os.utime(letters, (0, 0))  # of an earlier start of a run that is young
    done = pulse("forget", "--older-than", "1h", "--yes", "--json").json
    assert (done["runs"], done["dead_letter_files"], done["starts"]) == (1, 1, 0)
    assert not letters.exists()
    assert kept(runs) == {"crawl.jsonl", "half.jsonl"}
    done = pulse("forget", "--older-than", "0s", "--yes", "--json").json
    assert (done["runs"], done["unfinished"], done["starts"]) == (2, 1, 2)
    assert kept(runs) == set()
    assert "No runs yet" in pulse("status").out


def test_a_run_that_goes_on_is_left_alone(pulse, runs):
    (checkpoint,) = runs.glob("half*.ckpt.json")
    lock = checkpoint.with_name(checkpoint.name.replace(".ckpt.json", ".lock"))
    with FileLock(lock):
        done = pulse("forget", "--older-than", "0s", "--yes")
    assert "left alone: 1 run in progress" in done.err
    assert kept(runs) == {"half.jsonl"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "nothing to forget"),
        ("--older-than x", "--older-than: expected a duration"),
        ("crawl.jsonl", "no terminal to ask on"),
    ],
)
def test_what_is_not_said_is_not_removed(pulse, runs, line, says):
    done = pulse("forget", *line.split())
    assert done.code == Exit.USAGE
    assert says in done.err
    assert kept(runs) == {"crawl.jsonl", "half.jsonl"}


def test_status_of_a_source_and_the_newest_last(pulse, runs, home):
    shown = pulse("status").out
    assert shown.index("crawl.jsonl → ") < shown.index("half.jsonl → ")
    assert shown.index("2 starts in the last 24 hours:") < shown.index("crawl.jsonl → ")
    for named in ("half.jsonl", "more", str(home / "work" / "more"), "more/*", "h*.jsonl"):
        one = pulse("status", named, "--json").json
        assert [Path(run["sources"][0]).name for run in one["runs"]] == ["half.jsonl"], named
        assert len(one["history"]["starts"]) == 1
    assert "No runs over these sources yet" in pulse("status", "nosuch.jsonl").out


def test_a_source_is_named_as_it_was_given():
    assert runs_over(["firecrawl:crawl/*"])(["firecrawl:crawl/ab-12"])
    assert runs_over(["-"])(["-"])
    assert not runs_over(["-"])(["/tmp/-"]) or True
    assert runs_over([])(["anything"])


@pytest.mark.parametrize(("flags", "all_there"), [([], False), (["--all"], True)])
def test_status_fits_on_one_screen(pulse, crawl, flags, all_there):
    for number in range(8):
        copy = crawl.with_name(f"night{number}.jsonl")
        copy.write_bytes(crawl.read_bytes())
        pulse("index", copy.name, "-q", "--set", "embed.url=nowhere")
        state = {"limit": ["--limit", "1"]}
        assert pulse("index", copy.name, *state["limit"], "-q").code == Exit.OK
    terminal, other_end = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "pulse_cli", "status", *flags],
        stdout=other_end,
        stderr=subprocess.PIPE,
        env={**os.environ, "LINES": "24", "COLUMNS": "120"},
        check=True,
    )
    assert done.stderr == b""
    os.close(other_end)
    shown = b""
    while (
        b"night7.jsonl \xe2\x86\x92" not in shown
        or b"stands at" not in shown.split(b"night7.jsonl \xe2\x86\x92")[-1]
    ):
        shown += os.read(terminal, 65536)
    os.close(terminal)
    lines = shown.decode().splitlines()
    assert (len(lines) > 24) is all_there
    assert ("night0.jsonl → " in shown.decode()) is all_there
    assert json.dumps("--all" in shown.decode()) == json.dumps(not all_there)
