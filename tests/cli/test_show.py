"""`pulse show`: what is stored of a page, its text put together again, and what became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulse_cli.store.pages import StoredPage
from tests.cli.conftest import Pulse, meta

URL = "https://kitchen.example/long"


@pytest.fixture
def long_page(home: Path) -> tuple[Path, str]:
    """A page of several sections and chunks, and its text."""
    parts = [
        f"## Part {n}\n\n" + "\n\n".join(f"Sentence {n}.{k} of it, with tea." for k in range(60))
        for n in range(4)
    ]
    text = "# Long\n\n" + "\n\n".join(parts)
    path = home / "work" / "long.jsonl"
    path.write_text(json.dumps({"markdown": text, "metadata": meta("long", "Long")}) + "\n")
    return path, text


def test_a_page_is_shown_with_its_sections_and_chunks(
    pulse: Pulse, long_page: tuple[Path, str], tei: str
) -> None:
    path, text = long_page
    assert pulse("index", str(path), "--tei", tei, "-q").code == 0
    found = pulse("show", f"{URL}?utm_source=x#part", "--json").json
    assert found["stored"]
    assert found["whole"]
    assert found["metadata"]["title"] == "Long"
    assert found["metadata"]["run_id"]
    assert len(found["chunks"]) > 1
    assert all(chunk["token_count"] > 0 for chunk in found["chunks"])
    shown = pulse("show", URL).out
    assert "Part 3" in shown
    assert f"{len(found['chunks'])} chunks" in shown
    assert pulse("show", URL, "--text").out.split() == text.split()


def test_the_text_comes_back_letter_for_letter(
    pulse: Pulse, long_page: tuple[Path, str], tei: str
) -> None:
    path, text = long_page
    overlapping = ["--set", "chunk.max_tokens=64", "--set", "chunk.overlap_tokens=16"]
    assert pulse("index", str(path), "--tei", tei, "-q", *overlapping).code == 0
    assert pulse("show", URL, "--text").out == text + "\n"


def test_what_became_of_a_page_that_is_dead(pulse: Pulse, home: Path, tei: str) -> None:
    bad = home / "work" / "bad.jsonl"
    record = {"markdown": 7, "metadata": meta("bad", "Bad")}
    good = {"markdown": "Tea.", "metadata": meta("good", "Good")}
    bad.write_text(json.dumps(record) + "\n" + json.dumps(good) + "\n")
    assert pulse("index", str(bad), "--tei", tei, "-q").code == 3
    ran = pulse("show", "https://kitchen.example/bad")
    assert ran.code == 1
    assert "dead: " in ran.out
    assert "bad.jsonl:line 1" in ran.out
    (fate,) = pulse("show", "https://kitchen.example/bad", "--json").json["fates"]
    assert fate["what"] == "dead"
    nothing = pulse("show", "https://kitchen.example/nowhere")
    assert nothing.code == 1
    assert "No dead letter" in nothing.out


def test_a_pruning_run_is_named(pulse: Pulse, home: Path, tei: str) -> None:
    path = home / "work" / "crawl.jsonl"
    pages = [{"markdown": f"Tea {n}.", "metadata": meta(f"p{n}", "P")} for n in range(4)]
    for kept in (pages, pages[:2]):
        path.write_text("".join(json.dumps(page) + "\n" for page in kept))
        assert pulse("index", str(path), "--tei", tei, "-q", "--prune", "--yes").code == 0
    ran = pulse("show", "https://kitchen.example/p3")
    assert ran.code == 1
    assert "pruned: " in ran.out
    assert "removed 2 pages" in ran.out


def test_there_is_no_index_yet(pulse: Pulse) -> None:
    ran = pulse("show", URL)
    assert ran.code == 1
    assert "there is no index" in ran.err
    assert pulse("show", URL, "--text", "--json").code == 2


def test_overlaps_are_cut_and_gaps_become_line_breaks() -> None:
    chunks = [
        {"chunk_index": 0, "text": "abc", "char_start": 0, "char_end": 3},
        {"chunk_index": 1, "text": "cde", "char_start": 2, "char_end": 5},
        {"chunk_index": 2, "text": "fg", "char_start": 9, "char_end": 11},
        {"chunk_index": 3, "text": "h", "char_start": 12, "char_end": 13},
    ]
    assert StoredPage(chunks).text == "abcde\n\nfg\nh"
