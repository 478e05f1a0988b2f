"""Front matter is read and leaves the text; what only looks like it stays."""

from __future__ import annotations

import json
import time

import pytest

from pulse_cli.model import Document, Position
from pulse_cli.read import ReadOptions, open_source
from pulse_cli.read.firecrawl.front_matter import split

URL = "https://example.org/p"

MATTER = [
    ("---\nurl: https://example.org/p\ntitle: A\n---\ntext", {"url": URL, "title": "A"}),
    ("\n---\r\ntitle: It's # a comment\r\n---\r\ntext", {"title": "It's"}),
    ('---\ntitle: "A \\"b\\""\ntags:\n  - x\n- y\n---\ntext', {"title": 'A "b"'}),
    ("---\ntitle: 'It''s'\n...\ntext", {"title": "It's"}),
    ("---\ntitle: Foo: Bar\n\n# comment\n---\ntext", {"title": "Foo: Bar"}),
    ("---\ndescription: >\n  folded\ndate: 2030-01-01\n---\ntext", {"date": "2030-01-01"}),
    ("+++\ntitle = 'Hugo'\n[params]\nweight = 3\n+++\ntext", {"title": "Hugo", "weight": "3"}),
]


@pytest.mark.parametrize(("text", "entries"), MATTER)
def test_front_matter(text, entries):
    assert split(text) == (entries, "text")


KEPT = [
    "---\nNote: read this first.\n---\ntext",
    "---\ntext between two breaks\n---\n",
    "---\ntitle: never closed\ntext",
    "# Heading\n---\ntitle: below\n---\n",
    "---\n\n---\ntext",
    "text",
    "",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_it_stays(text):
    assert split(text) == ({}, text)


def test_a_page_of_nothing_else_keeps_it():
    text = "---\ntitle: Forum\n---\n\n"
    assert split(text) == ({"title": "Forum"}, text)


def test_a_page_takes_from_it_what_it_lacks(reader):
    text = f"---\nurl: {URL}\ntitle: Front\ndescription: D\nlang: de\n---\n\n# Heading\n"
    document = Document(URL, "\n# Heading\n", title="Front", description="D", language="de")
    assert reader.contents(json.dumps({"markdown": text}).encode()) == [document]
    metadata = {"url": "https://example.org/own", "title": "Own"}
    (own,) = reader.contents(json.dumps({"markdown": text, "metadata": metadata}).encode())
    assert (own.url, own.title, own.text) == ("https://example.org/own", "Own", "\n# Heading\n")


def test_a_markdown_file_with_its_address_needs_no_other(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"---\nurl: {URL}\n---\n# Page\n")
    for base in (None, "https://example.org/elsewhere"):
        (record,) = open_source([str(path)], ReadOptions(base_url=base)).records(Position())
        assert record.content == Document(URL, "# Page\n", title="Page")


@pytest.mark.parametrize(
    "text", ["---\n" * 100_000, "---\n" + "a: b\n" * 100_000, "---\n" + "\n" * 500_000,
             "---\ntitle: " + "'\\\"" * 8_000 + "\n---\n", " " * 500_000]
)  # fmt: skip
def test_time_is_linear(text):
    began = time.process_time()
    split(text)
    assert time.process_time() - began < 5
