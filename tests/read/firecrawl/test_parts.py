"""What tells parts of a page from versions of it, in the formats that cut pages."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.model import Document, Position
from pulse_cli.read import ReadOptions, open_source

URL = "https://zoo.example/guide"
FIRST = "The tank of the zebrafish is cleaned every Monday."
SECOND = "The enclosure of the quokka has two gates."
THIRD = "The pool of the narwhal is closed in winter."
TEXTS = (FIRST, SECOND, THIRD)


def _pages(tmp_path: Path, *records: Any, **options: Any) -> list[Any]:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    source = open_source([str(path)], ReadOptions(**options))
    return [one.content for one in source.records(Position())]


def _langchain(**more: list[Any]) -> list[dict[str, Any]]:
    return [
        {"page_content": text, "metadata": {"source": URL, **{k: v[n] for k, v in more.items()}}}
        for n, text in enumerate(TEXTS)
    ]


FORMATS = {
    "characters": _langchain(start_index=[0, 52, 96]),
    "numbers": _langchain(chunk_index=[0, 1, 2]),
    "numbers as strings": _langchain(chunk=["1", "2", "3"]),
    "ids with numbers": _langchain(chunk_id=["guide-0", "guide-1", "guide-2"]),
    "ids": _langchain(chunk_id=["3fa0", "9bc1", "0dd2"]),
    "pages of a file": _langchain(page=[0, 1, 2], page_label=["i", "ii", "iii"]),
    "lines": _langchain(loc=[{"lines": {"from": n, "to": n + 9}} for n in (1, 11, 21)]),
    "pages and lines": _langchain(
        loc=[{"pageNumber": n, "lines": {"from": 1, "to": 9}} for n in (1, 2, 3)]
    ),
    "nodes with labels": [
        {"id_": f"n{n}", "metadata": {"url": URL, "page_label": str(n)}, "text": text,
         "class_name": "TextNode"} for n, text in enumerate(TEXTS)
    ],
    "nodes": [
        {"id_": f"{n}a", "metadata": {"url": URL}, "text": text, "class_name": "TextNode"}
        for n, text in enumerate(TEXTS)
    ],
    "flat records": [{"url": URL, "text": text, "chunk_no": n} for n, text in enumerate(TEXTS)],
    "addresses of pages of a file": [
        {"url": f"{URL}#page={n}", "text": text} for n, text in enumerate(TEXTS, 1)
    ],
    "points of a vector store": [
        {"id": str(n), "payload": {"url": URL, "text": text, "chunk_index": n}, "vector": [0.5]}
        for n, text in enumerate(TEXTS)
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_parts_become_their_page(tmp_path, name):
    (page,) = _pages(tmp_path, *FORMATS[name])
    assert page.url == URL
    assert page.text == "\n\n".join(TEXTS)
    assert page.part.count == 3


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"ids", "nodes"}))
def test_parts_in_another_order_become_the_same_page(tmp_path, name):
    records = list(FORMATS[name])
    random.Random(1).shuffle(records)
    (page,) = _pages(tmp_path, *records)
    assert page.text == "\n\n".join(TEXTS)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_part_is_a_place_to_resume(tmp_path, name):
    path = tmp_path / "x.jsonl"
    others = [{"url": f"{URL}/{n}", "text": "Another."} for n in (1, 2)]
    records = [others[0], *FORMATS[name], others[1], *FORMATS[name]]
    path.write_bytes(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    found = list(open_source([str(path)], ReadOptions()).records(Position()))
    assert len(found) == 4
    for done, record in enumerate(found, 1):
        source = open_source([str(path)], ReadOptions())
        assert list(source.records(record.position)) == found[done:]


def test_chunk_files_of_one_page_become_one_page(tmp_path):
    for number, text in enumerate(TEXTS):
        record = {"url": URL, "text": text, "chunk_id": number}
        (tmp_path / f"guide-{number}.json").write_text(json.dumps(record))
    (found,) = open_source([str(tmp_path)], ReadOptions()).records(Position())
    assert isinstance(found.content, Document)
    assert found.content.text == "\n\n".join(TEXTS)


def test_a_page_that_was_crawled_twice_is_two_versions(tmp_path):
    page = {"markdown": FIRST, "metadata": {"url": URL, "title": "T", "numPages": 3}}
    again = {**page, "markdown": SECOND}
    assert [one.text for one in _pages(tmp_path, page, again)] == [FIRST, SECOND]
    labelled = {"markdown": FIRST, "metadata": {"url": URL, "page": 1}}
    assert [one.text for one in _pages(tmp_path, labelled, labelled)] == [FIRST, FIRST]


def test_what_a_part_repeats_of_the_one_before_is_left_out(tmp_path):
    text = " ".join(f"Sentence number {n} of the guide stands here." for n in range(60))
    starts = range(0, len(text) - 200, 300)
    chunks = [(start, text[start : start + 420]) for start in starts]
    by_index = [
        {"page_content": chunk, "metadata": {"source": URL, "start_index": start}}
        for start, chunk in chunks
    ]
    (page,) = _pages(tmp_path, *by_index)
    assert page.text == text
    numbered = [{"url": URL, "text": chunk, "chunk": n} for n, (_, chunk) in enumerate(chunks)]
    (page,) = _pages(tmp_path, *numbered)
    assert page.text == text


def test_the_page_has_the_fields_of_its_parts(tmp_path):
    records = [
        {"url": URL, "text": SECOND, "chunk": 2, "title": "Second"},
        {"url": URL, "text": FIRST, "chunk": 1, "title": "First", "language": "en"},
        {"url": URL, "text": THIRD, "chunk": 3, "description": "About animals"},
    ]
    (page,) = _pages(tmp_path, *records)
    assert (page.title, page.language, page.description) == ("First", "en", "About animals")


def test_a_page_of_too_many_parts_is_one_dead_letter(tmp_path):
    records = [{"url": URL, "text": "word " * 400, "chunk": n} for n in range(9)]
    (dead,) = _pages(tmp_path, *records, max_record=8_000)
    assert dead.reason == "too-long"
