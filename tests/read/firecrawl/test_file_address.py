"""Raw markdown carries no address: it is told by the user, for a file or a folder."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document, Position, Unreadable
from pulse_cli.read import ReadOptions, open_source


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / ".firecrawl" / "example.org"
    pages = {
        "index.md": "# Home\n\nHello",
        "docs/index.md": "# Docs",
        "docs/start here.md": "[link](x) begins like JSON",
        "docs/links.txt": "https://example.org/",
        "docs/zipped.md.gz": "",
        "data.json": '{"markdown": "json", "metadata": {"url": "https://example.org/json"}}',
    }
    for name, text in pages.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"# Zipped") if name.endswith(".gz") else text.encode())
    return root


def _documents(specs, **options):
    source = open_source([str(spec) for spec in specs], ReadOptions(**options))
    return [one.content for one in source.records(Position()) if isinstance(one.content, Document)]


EXPECTED = {
    "https://example.org/json": None,
    "https://example.org/docs/": "Docs",
    "https://example.org/docs/start%20here": None,
    "https://example.org/docs/zipped": "Zipped",
    "https://example.org/": "Home",
}


def test_one_file_has_the_address_given(site):
    (document,) = _documents([site / "index.md"], base_url="https://example.org/x?y=1")
    assert document == Document("https://example.org/x?y=1", "# Home\n\nHello", title="Home")


def test_a_folder_stands_for_an_address(site):
    found = _documents([site], base_url="https://example.org/")
    assert {one.url: one.title for one in found} == EXPECTED


def test_a_glob_stands_for_the_folder_before_it(site):
    found = _documents([f"{site}/**/*.md"], base_url="https://example.org")
    assert {one.url for one in found} == {
        "https://example.org/", "https://example.org/docs/", "https://example.org/docs/start%20here"
    }  # fmt: skip


def test_several_folders_have_several_addresses(site):
    addresses = {
        str(site): "https://example.org",
        str(site / "docs"): "https://docs.example.org/v1",
    }
    found = {one.url for one in _documents([site], base_url=addresses)}
    assert "https://example.org/" in found
    assert "https://docs.example.org/v1/" in found
    assert "https://docs.example.org/v1/start%20here" in found


def test_one_address_does_not_serve_two_files(site):
    with pytest.raises(Fatal, match="one page") as caught:
        _documents([site / "index.md", site / "docs/index.md"], base_url="https://example.org/")
    assert caught.value.kind is Kind.USAGE


def test_without_an_address_it_is_a_dead_letter_that_says_so(site):
    source = open_source([str(site / "index.md")], ReadOptions())
    (record,) = source.records(Position())
    assert isinstance(record.content, Unreadable)
    assert record.content.reason == "no-url"
    assert "--url" in record.content.detail
    assert record.content.record == {"markdown": "# Home\n\nHello"}
    assert list(source.records(record.position)) == []


JSON = [
    b'{"markdown": "x", "metadata": {"url": "https://example.org/j"}}',
    b'[{"markdown": "x", "url": "https://example.org/j"}]',
]


@pytest.mark.parametrize("text", JSON)
def test_json_named_markdown_is_json(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_bytes(text)
    assert [one.url for one in _documents([path])] == ["https://example.org/j"]


@pytest.mark.parametrize(
    "text", ["[Skip to content](#c)\n", "{{ template }}\n", "[x]: y", "[ ] todo"]
)
def test_markdown_that_begins_like_json_is_markdown(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text)
    (document,) = _documents([path], base_url="https://example.org/")
    assert document.text == text


def test_bad_markdown_is_one_dead_letter(tmp_path):
    for data, reason in ((b"# caf\xe9", "invalid-utf8"), (b"x" * 5000, "too-long")):
        path = tmp_path / "page.md"
        path.write_bytes(data)
        options = ReadOptions(base_url="https://example.org/", max_record=4000)
        (record,) = open_source([str(path)], options).records(Position())
        assert record.content.reason == reason


def test_a_page_may_come_through_a_pipe():
    options = ReadOptions(base_url="https://example.org/piped")
    for text in (b"# Piped\n\ntext", b"[Skip](#x)\ntext", b"plain"):
        source = open_source(["-"], options, stdin=io.BytesIO(text))
        (record,) = source.records(Position())
        assert record.content.url == "https://example.org/piped"
        assert record.content.text == text.decode()


def test_json_keeps_its_own_addresses(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'broken\n{"markdown": "x", "url": "https://example.org/own"}\n')
    (document,) = _documents([path], base_url="https://example.org/")
    assert document.url == "https://example.org/own"
