"""One line for each kind of note, however often it occurs."""

from __future__ import annotations

from pulse_cli.engine.notes import Notes
from pulse_cli.model import NoDocument, Note, Place, Position, Record


def _record(content: Note | NoDocument, source: str = "a.json") -> Record:
    return Record(Place(source), Position(), content, 0)


def test_three_thousand_pages_of_one_kind_are_one_line() -> None:
    notes = Notes()
    hint = NoDocument("extract-only", "scrape with formats: markdown")
    told = [notes.add(_record(hint, f"{n}.json")) for n in range(3000)]
    assert told == ["0.json: scrape with formats: markdown", *[None] * 2999]
    assert notes.lines() == ["0.json: scrape with formats: markdown (and 2,999 more like it)"]


def test_kinds_are_told_apart_and_keep_their_order() -> None:
    notes = Notes()
    notes.add(_record(Note("a.json: 2 of 9 pages", kind="crawl-partial")))
    notes.add(_record(NoDocument("job-handle", "fetch it")))
    notes.add(_record(Note("b.json: 3 of 9 pages", kind="crawl-partial")))
    notes.add(_record(Note("docs: no file to read in it")))
    assert notes.lines() == [
        "a.json: 2 of 9 pages (and 1 more like it)",
        "a.json: fetch it",
        "docs: no file to read in it",
    ]


def test_what_says_nothing_is_no_note() -> None:
    notes = Notes()
    assert notes.add(_record(NoDocument("blank-line"))) is None
    assert notes.lines() == []
