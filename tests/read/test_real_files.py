"""Real files of Firecrawl users, where $PULSE_TEST_DATA names their folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.model import Document, Position, Skipped, Unreadable
from pulse_cli.read import ReadOptions, open_source

ROW = re.compile(r"^\| (\S+) \| (.+) \| ([\d,]+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
"""`| file | what it is | documents | of them empty | status >= 400 |` of its README."""


@pytest.fixture(scope="module")
def table(test_data: Path) -> dict[str, tuple[int, int, int]]:
    found = ROW.findall((test_data / "README.md").read_text())
    assert len(found) == 33
    return {name: (int(total), int(empty), int(errors)) for name, _, total, empty, errors in found}


def _contents(path: Path, **options: str) -> list[Any]:
    source = open_source([str(path)], ReadOptions(**options))  # type: ignore[arg-type]
    return [record.content for record in source.records(Position())]


def test_every_file_holds_as_many_documents_as_expected(test_data, table):
    for name, (documents, empty, errors) in table.items():
        contents = _contents(test_data / "shapes" / name)
        skips = [one.reason for one in contents if isinstance(one, Skipped)]
        found = len(skips) + sum(isinstance(one, Document) for one in contents)
        dead = [one.reason for one in contents if isinstance(one, Unreadable)]
        if name == "001-firecrawl_search.response.json":
            # A search without results: its README counts its member "content", which is a mode.
            assert (found, dead) == (0, [])
        elif name.endswith(".md"):
            assert (found, dead) == (0, ["no-url"])
        else:
            assert (name, found, dead) == (name, documents, [])
        assert skips.count("blank") == empty
        assert skips.count("http-error") == errors


def test_raw_markdown_with_its_address(test_data):
    path = test_data / "shapes" / "cli_scrape_raw_markdown__msca_events.md"
    (document,) = _contents(path, base_url="https://www.digital-finance-msca.com/events")
    assert document.url == "https://www.digital-finance-msca.com/events"


def test_the_same_pages_in_other_shapes_are_the_same_documents(test_data):
    shapes = test_data / "shapes"
    base = [one for one in _contents(shapes / "doc_per_line.jsonl") if isinstance(one, Document)]
    assert len(base) == 12
    for name in (
        "api_scrape_response_per_line",
        "envelope_payload",
        "langchain_document",
        "langchain_serialized_kwargs",
        "llamaindex_document",
        "pysdk_v1_model_dump",
        "pysdk_v4_model_dump_json",
        "pysdk_v4_model_dump_json_exclude_none",
    ):
        found = _contents(shapes / f"{name}.jsonl")
        assert [(one.url, one.title, one.text) for one in found] == [
            (one.url, one.title, one.text) for one in base
        ]


def test_resume_within_every_file(test_data, table):
    for name in table:
        path = str(test_data / "shapes" / name)
        records = list(open_source([path], ReadOptions()).records(Position()))
        for done in range(1, len(records) + 1, max(1, len(records) // 5)):
            source = open_source([path], ReadOptions())
            assert list(source.records(records[done - 1].position)) == records[done:]


@pytest.mark.parametrize(("name", "documents"), [("fastapi-docs", 1640), ("langchain-docs", 1663)])
def test_bulk_files(test_data, name, documents):
    contents = _contents(test_data / "bulk" / f"{name}.jsonl.gz")
    assert sum(isinstance(one, Document) for one in contents) == documents == len(contents)
