"""Pages leave the index by their addresses or by what they share; how many is said first."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_cli.app.delete import Selection
from pulse_cli.cli.age import moment_before
from pulse_cli.cli.exit_codes import Exit

PAGES = {
    "https://docs.example/v1/a": "Apples, of the first version.",
    "https://docs.example/v1/b": "Bread, of the first version.",
    "https://docs.example/v2/a": "Apples, of the second version.",
    "https://docs.example.org/v1/c": "Cheese, elsewhere.",
    "https://blog.example/v1/a": "Apples again.",
}


@pytest.fixture
def pages(pulse, home: Path) -> None:
    """An index of five pages on three hosts."""
    lines = [
        {"markdown": text, "metadata": {"url": url, "statusCode": 200}}
        for url, text in PAGES.items()
    ]
    crawl = home / "work" / "crawl.jsonl"
    crawl.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert pulse("index", str(crawl), "-q").code == Exit.OK


def left(pulse) -> set[str]:
    found = pulse("search", "version apples bread cheese", "--limit", "50", "--json").json
    return {page["url"] for page in found["results"]}


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(
    ("flags", "gone"),
    [
        (["--prefix", "https://docs.example/v1/"], {"v1/a", "v1/b"}),
        (["--prefix", "https://DOCS.example/v1*"], {"v1/a", "v1/b"}),
        (["--prefix", "https://docs.example"], {"v1/a", "v1/b", "v2/a"}),
        (["--host", "docs.example"], {"v1/a", "v1/b", "v2/a"}),
        (["--host", "docs.example", "--prefix", "https://docs.example/v2/"], {"v2/a"}),
        (["--host", "docs.example", "--older-than", "1h"], set()),
    ],
)
def test_a_selection_is_deleted_and_nothing_else(pulse, flags, gone):
    gone = {f"https://docs.example/{path}" for path in gone}
    counted = pulse("delete", *flags, "--dry-run")
    assert (counted.code == Exit.OK) is bool(gone)
    assert left(pulse) == set(PAGES)
    done = pulse("delete", *flags, "--yes", "--json")
    assert done.json == {"pages": len(gone), "points": len(gone), "selected": len(gone)}
    assert done.code == (Exit.OK if gone else Exit.FATAL)
    assert left(pulse) == set(PAGES) - gone


def test_older_is_by_the_time_of_writing_and_no_date_is_not_older():
    month = Selection(before=moment_before("--older-than", "30d", lambda: 1_769_000_000.0))
    assert month.before == "2025-12-22T12:53:20Z"
    assert month.holds("https://a.example/", "2025-12-22T12:53:19Z")
    assert not month.holds("https://a.example/", "2025-12-22T12:53:20Z")
    assert not month.holds("https://a.example/", None)


@pytest.mark.usefixtures("pages")
def test_the_number_comes_first_and_nobody_to_ask_is_a_no(pulse):
    done = pulse("delete", "--host", "docs.example")
    assert done.code == Exit.USAGE
    assert done.out.startswith("3 pages of pulse_docs, 3 points:\n  https://docs.example/v")
    assert "--yes removes it" in done.err
    assert left(pulse) == set(PAGES)


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(("answer", "kept"), [("y", 2), ("n", 5), ("", 5)])
def test_the_question_on_a_terminal(pulse, answer, kept):
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "pulse_cli", "delete", "--host", "docs.example"]
    process = subprocess.Popen(
        command, stdin=other_end, stderr=other_end, stdout=subprocess.PIPE, text=True
    )
    os.close(other_end)
    asked = b""
    while b"[y/N]" not in asked:
        asked += os.read(terminal, 1000)
    assert b"Delete these 3 pages?" in asked
    os.write(terminal, answer.encode() + b"\n")
    out, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == (Exit.OK if kept == 2 else Exit.FATAL)
    assert out.endswith(
        "3 pages deleted, 3 points.\n" if kept == 2 else "0 pages deleted, 0 points.\n"
    )
    assert len(left(pulse)) == kept


@pytest.mark.usefixtures("pages")
def test_an_address_that_is_not_there_ends_with_1(pulse):
    done = pulse("delete", "https://docs.example/v1/a#top", "https://docs.example/v1/*")
    assert done.code == Exit.FATAL
    assert "https://docs.example/v1/a: 1 point deleted" in done.out
    assert "https://docs.example/v1/*: not in the index" in done.out
    assert "--prefix https://docs.example/v1/ means all that begin with it" in done.err
    assert left(pulse) == set(PAGES) - {"https://docs.example/v1/a"}
    assert pulse("delete", "https://docs.example/v1/b", "-h").code == Exit.OK
    assert pulse("delete", "https://docs.example/v1/b").code == Exit.OK


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "nothing to delete"),
        ("--prefix *", "--prefix is empty"),
        ("--host https://a.example", "--host https://a.example is an address"),
        ("--older-than soon", "--older-than: expected a duration"),
        ("https://a.example/x --host a.example", "in two commands"),
        ("https://a.example/x --dry-run", "--dry-run needs"),
    ],
)
def test_a_wrong_wish_is_refused(pulse, line, says):
    done = pulse("delete", *line.split())
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert says in " ".join(done.err.split())
