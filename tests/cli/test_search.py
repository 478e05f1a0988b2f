"""`pulse search` as people and scripts use it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_cli.cli.exit_codes import Exit
from tests.cli.conftest import Pulse, meta

PARAGRAPH = "The kettle boils the water for the tea. " * 12


@pytest.fixture
def kitchen(pulse: Pulse, home: Path, tei: str) -> Path:
    """Forty pages, one of which stands at three addresses."""
    pages = [
        {
            "markdown": f"# Tea {n}\n\n{PARAGRAPH}Number {n}.",
            "metadata": meta(f"tea/{n}", f"Tea {n}"),
        }
        for n in range(40)
    ]
    soup = (
        "# Soup\n\n<div>Onions, slowly.</div>\n\n```sh\nsimmer --for 3h \\\n    --onions 4\n```\n"
    )
    for url in ("soup", "soup/", "soup/index.html"):
        pages.append({"markdown": soup, "metadata": meta(url, "Soup")})
    path = home / "work" / "kitchen.jsonl"
    path.write_text("".join(json.dumps(page) + "\n" for page in pages))
    assert pulse("index", "kitchen.jsonl", "--tei", tei).code == Exit.OK
    return path


def test_one_text_at_three_addresses_is_one_result(pulse: Pulse, kitchen: Path) -> None:
    found = pulse("search", "--mode", "bm25", "onions")
    assert found.code == Exit.OK
    lines = found.out.splitlines()
    assert lines[0].split() == ["1.", "Soup", "100", "%"]
    assert sum("kitchen.example/soup" in line for line in lines) == 3
    assert sum("also at https://kitchen.example/soup" in line for line in lines) == 2
    result = pulse("search", "--mode", "bm25", "onions", "--json").json
    assert len(result["results"]) == result["total"] == 1
    assert len(result["results"][0]["duplicates"]) == 2
    urls = pulse("search", "--mode", "bm25", "onions", "--urls-only").out.split()
    assert len(urls) == 1


def test_passages_are_at_most_100_columns_with_code_as_lines(pulse: Pulse, kitchen: Path) -> None:
    found = pulse("search", "--mode", "bm25", "simmer onions", "--limit", "1").out
    assert "    simmer --for 3h \\\n        --onions 4" in found
    assert "<div>" not in found
    tea = pulse("search", "--mode", "bm25", "kettle", "--limit", "5").out.splitlines()
    assert max(map(len, tea)) <= 100
    assert any(line.endswith("\u2026") for line in tea)


def test_nothing_below_the_least_score_and_exit_1(pulse: Pulse, kitchen: Path) -> None:
    query = ("search", "--mode", "bm25", "kettle", "7", "--json", "--limit", "50")
    every = pulse(*query, "--explain").json["results"]
    least = 100 * every[0]["share"] - 1
    some = pulse(*query, "--min-score", str(least)).json["results"]
    assert 0 < len(some) < len(every)
    nothing = pulse("search", "--mode", "bm25", "zebra")
    assert (nothing.code, nothing.out) == (Exit.FATAL, "No page matches 'zebra'.\n")
    assert pulse("search", "x", "--min-score", "101").code == Exit.USAGE


def test_a_place_that_is_not_there_cannot_be_opened(pulse: Pulse, kitchen: Path) -> None:
    done = pulse("search", "--mode", "bm25", "onions", "--open", "2")
    assert done.code == Exit.USAGE
    assert "only 1 page" in done.err


def test_on_a_terminal_long_results_go_to_the_pager_or_end_with_the_best(
    kitchen: Path, home: Path
) -> None:
    seen = home / "paged"
    pager = home / "pager"
    pager.write_text(f"#!/bin/sh\nexec cat > {seen}\n")
    pager.chmod(0o755)
    arguments = ["search", "--mode", "bm25", "kettle", "--limit", "30"]
    assert "1. " not in on_terminal(arguments, {"PAGER": str(pager)})
    assert " 1. " in seen.read_text().splitlines()[0]
    shown = on_terminal(arguments, {"PAGER": "no-such-pager"})
    assert shown.index("30. ") < shown.index(" 1. ")


def on_terminal(arguments: list[str], env: dict[str, str]) -> str:
    """What the command shows on a terminal of 24 rows."""
    ours, theirs = pty.openpty()
    more = {"LINES": "24", "COLUMNS": "80", "TERM": "xterm", **env}
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_cli", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **more},
    )
    os.close(theirs)
    received = b""
    try:
        while data := os.read(ours, 65536):
            received += data
    except OSError:
        pass  # Linux says EIO at the end of a pseudo-terminal
    os.close(ours)
    assert process.wait(30) == 0
    return received.decode()
