"""Files of HTML: the address they call their own, their title, and their bytes as text."""

from __future__ import annotations

import pytest

from pulse_cli.model import Document, Skipped, Unreadable
from pulse_cli.read import ReadOptions
from pulse_cli.read.firecrawl.file_address import FileAddress
from pulse_cli.read.firecrawl.html_page import head_of, text_of
from pulse_cli.read.firecrawl.shapes import Shapes

SHAPES = Shapes(ReadOptions())
USER = FileAddress("https://example.org/said", None)

ADDRESSES = [
    ('<link rel="canonical" href="https://example.org/c?a=1&amp;b=2">', "https://example.org/c?a=1&b=2"),
    ('<link rel=canonical href="/c"><base href="https://example.org/x/">', "https://example.org/c"),
    ('<meta property="og:url" content="https://example.org/og">', "https://example.org/og"),
    ('<link rel=canonical href="javascript:x"><meta property=og:url content="https://example.org/o">',
     "https://example.org/o"),
    ("<!-- saved from url=(0024)https://example.org/saved -->", "https://example.org/saved"),
    ("<!--\n Page saved with SingleFile\n url: https://example.org/one -->", "https://example.org/one"),
]  # fmt: skip


@pytest.mark.parametrize(("head", "url"), ADDRESSES)
@pytest.mark.parametrize("address", [None, USER])
def test_the_address_that_a_page_calls_its_own_comes_first(head, url, address):
    html = f"<!doctype html>{head}<body><h1>Pan</h1><p>Season it."
    assert SHAPES.html(html, address) == Document(url, "# Pan\n\nSeason it.\n", title="Pan")


def test_then_what_the_user_said_and_then_the_base():
    html = '<head><base href="https://example.org/base/"></head><p>Season it.'
    assert SHAPES.html(html, USER).url == USER.page
    assert SHAPES.html(html, None).url == "https://example.org/base/"
    relative = '<link rel=canonical href="../c"><p>Season it.'
    assert SHAPES.html(relative, FileAddress("https://example.org/a/b", None)).url == (
        "https://example.org/c"
    )


def test_the_head_gives_title_description_and_language():
    head = (
        '<title>T &amp; T</title><meta name=description content=D><meta name="og:title" content=O>'
    )
    html = f'<html lang="de-AT"><head>{head}</head><body><h1>Heading</h1>text'
    document = SHAPES.html(html, USER)
    assert (document.title, document.description, document.language) == ("T & T", "D", "de-AT")


def test_without_an_address_it_is_a_dead_letter_that_is_kept():
    html = "<html><p>Season it."
    dead = SHAPES.html(html, None)
    assert dead == Unreadable("no-url", dead.detail, record={"html": html})
    assert "--url" in dead.detail


def test_a_page_without_text_is_blank():
    assert SHAPES.html("<html><script>x</script>", USER) == Skipped("blank", USER.page)


BYTES = [
    ("café", "utf-8", ""),
    ("café", "utf-8-sig", ""),
    ("café", "iso-8859-15", "<meta charset=iso-8859-15>"),
    ("café €", "windows-1252", ""),
    ("日本", "shift_jis", '<meta http-equiv=Content-Type content="text/html; charset=Shift_JIS">'),
    ("café", "windows-1252", "<meta charset=utf-16>"),
    ("café", "windows-1252", "<meta charset=iso-8859-no>"),
]


@pytest.mark.parametrize(("text", "encoding", "head"), BYTES)
def test_bytes_are_read_as_the_page_says(text, encoding, head):
    assert text_of(f"{head}{text}".encode(encoding)) == f"{head}{text}"


def test_a_head_of_any_length_is_read():
    assert head_of("<meta name=x content=y>" * 60_000, None).title is None
    assert head_of("<b>" * 200_000, None).title is None
