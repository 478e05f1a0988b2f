"""Which crawls are known, and where a line of the inbox comes from."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from pulse_cli.serve.crawls import QUIET_S, Crawls, Origin, mark, origin

PAGE = orjson.dumps({"markdown": "x", "pulse_crawl": "crawl/forged"})


def test_a_line_tells_where_it_comes_from() -> None:
    marked = mark(PAGE, "crawl.page", "c-1")
    assert origin(marked) == Origin("crawl", "c-1")
    assert orjson.loads(marked)["markdown"] == "x"
    end = mark(orjson.dumps({"type": "crawl.completed", "data": []}), "crawl.completed", "c-1")
    assert origin(end) == Origin("crawl", "c-1", "completed")
    assert origin(mark(PAGE, "batch_scrape.page", "b")) == Origin("batch_scrape", "b")


@pytest.mark.parametrize("event_id", ["", "../../etc", 'a"b', "x" * 101, "ä", "a\n"])
def test_an_id_that_is_none_marks_nothing(event_id: str) -> None:
    assert mark(PAGE, "crawl.page", event_id) == PAGE
    assert origin(PAGE) == Origin()


def test_pages_are_counted_once_each_and_over_a_restart(tmp_path: Path) -> None:
    crawls = Crawls(tmp_path)
    crawls.load()
    crawls.note(Origin("crawl", "c"), ["https://a/1", "https://a/2"], ask_in=QUIET_S)
    crawls.note(Origin("crawl", "c"), ["https://a/2", "https://a/3"], ask_in=QUIET_S)
    crawls.keep()
    assert crawls.due() is None
    again = Crawls(tmp_path)
    again.load()
    assert again.received("c") == 3
    found = again.due()
    assert found is not None, "what was under way is asked about at the start"
    assert (found.id, found.ended) == ("c", "")
    again.forget("c")
    third = Crawls(tmp_path)
    third.load()
    assert (third.known, third.received("c")) == ((), 0)


def test_an_end_is_asked_about_at_once(tmp_path: Path) -> None:
    crawls = Crawls(tmp_path)
    crawls.note(Origin("crawl", "a"), [], ask_in=QUIET_S)
    crawls.note(Origin("batch_scrape", "b", "completed"), [], ask_in=QUIET_S)
    found = crawls.due()
    assert found is not None
    assert (found.id, found.path, found.ended) == ("b", "batch/scrape/b", "completed")
    found.ask_at += 60
    assert crawls.due() is None


def test_a_note_cut_in_half_counts_as_none(tmp_path: Path) -> None:
    crawls = Crawls(tmp_path)
    crawls.note(Origin("crawl", "c"), ["https://a/1", "https://a/2"], ask_in=QUIET_S)
    file = tmp_path / "c.pages"
    file.write_bytes(file.read_bytes()[:-3])
    assert crawls.received("c") == 1
