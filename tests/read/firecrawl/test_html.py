"""Pages kept as HTML only become markdown, whatever the HTML."""

from __future__ import annotations

import json
import time

import pytest

from pulse_cli.model import Document, Skipped
from pulse_cli.read.firecrawl.html import LONGEST, markdown_of

PAGE = """<!DOCTYPE html><html><head><title>T</title><style>p{color:red}</style></head><body>
<nav><a href="/">Home</a></nav><header><h1>Guide</h1></header>
<script>var tracking = 1;</script><p>First <b>bold</b> &amp; <a href="/x">link</a>.</p>
<pre><code class="language-python">def f():
    return 1
</code></pre>
<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>
<svg><text>picture</text></svg><noscript>enable</noscript></body></html>"""


def test_structure_is_kept_and_noise_dropped():
    text = markdown_of(PAGE)
    assert "# Guide" in text
    assert "First **bold** & [link](/x)." in text
    assert "```python\ndef f():\n    return 1\n```" in text
    assert "| A | B |\n| --- | --- |\n| 1 | 2 |" in text
    for noise in ("tracking", "color:red", "Home", "picture", "enable", "svg+xml"):
        assert noise not in text


@pytest.mark.parametrize("key", ["html", "rawHtml", "raw_html"])
def test_a_page_of_html_is_a_document(reader, key):
    value = {"markdown": None, key: PAGE, "metadata": {"url": "https://example.org/"}}
    (document,) = reader.contents(json.dumps(value).encode())
    assert isinstance(document, Document)
    assert document.title == "Guide"


def test_markdown_comes_before_html(reader):
    value = {"markdown": "short", "html": PAGE, "metadata": {"url": "https://example.org/"}}
    (document,) = reader.contents(json.dumps(value).encode())
    assert document.text == "short"


def test_html_without_text_is_blank(reader):
    value = {"html": "<div><script>x</script></div>", "metadata": {"url": "https://example.org/"}}
    assert reader.contents(json.dumps(value).encode()) == [Skipped("blank", "https://example.org/")]


HOSTILE = {
    "nested": "<div>" * 200_000 + "needle",
    "nested inline": "<b>" * 200_000 + "needle",
    "nested tables": "<table><tr><td>" * 20_000 + "needle",
    "nested lists": "<ul><li>" * 100_000 + "needle",
    "unclosed scripts": "needle" + "<script>" * 200_000,
    "unclosed tags": "needle" + "<" * 500_000,
    "unclosed comment": "needle" + "<!--" * 200_000,
    "attributes": "<a " + "x=1 " * 200_000 + ">needle</a>",
    "entities": "&" * 500_000 + "needle",
    "mismatched": "<a><p><table><ul></a></p>" * 20_000 + "needle",
    "wide columns": "<table>" + "<tr><td colspan=999>needle</td></tr>" * 11_000 + "</table>",
    "a wide row": "<table><tr>" + "<td>a" * 9_000 + "<tr><td>needle" * 9_000 + "</table>",
    "deep quotes": "<blockquote>" * 1_000 + "<p>needle</p>" * 1_000,
    "quotes again and again": ("<blockquote>" * 100 + "needle" + "</blockquote>" * 100) * 300,
    "lines in deep lists": "<ul><li>" * 100 + "<p>needle</p>" * 20_000,
    "tables in tables": "<table><tr>" + "<td>a" * 900 + "<tr><td><table></table>needle" * 9_000,
    "controls": "\x00\x01\x02needle\x1b[31m",
}


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_hostile_html_costs_no_more_than_its_length(case):
    began = time.process_time()
    text = markdown_of(HOSTILE[case])
    assert time.process_time() - began < 20  # quadratic work would take hours
    assert "needle" in text
    assert len(text) < 3 * len(HOSTILE[case]) + 200_000


def test_a_table_keeps_its_columns(reader):
    row = "<tr><td>a</td><td>b</td><td>c</td></tr>"
    head = "<tr><th colspan=3>Head</th></tr>"
    text = markdown_of(f"<table>{head}{row * 5_000}</table>")
    assert text.count("| a | b | c |") == 5_000
    assert text.lstrip().startswith("| Head |")


def test_columns_that_would_flood_the_page_are_written_as_one():
    text = markdown_of("<table>" + "<tr><td colspan=999>a</td><td>b</td></tr>" * 8_000 + "</table>")
    assert text.count("| a | b |") == 8_000


def test_text_is_found_below_any_depth(reader):
    text = markdown_of("<div>" * 5000 + "<script>no</script>deep &amp; down" + "</div>" * 5000)
    assert text == "deep & down"


def test_a_very_long_page_is_converted_in_pieces():
    html = "<p>paragraph of words</p>" * (LONGEST // 20)
    text = markdown_of(html)
    assert text.count("paragraph of words") == LONGEST // 20
