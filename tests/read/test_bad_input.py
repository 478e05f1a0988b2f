"""Every bad record is one dead letter that says what and where; its neighbours are read."""

from __future__ import annotations

import gzip
import json

import orjson
import pytest

from pulse_cli.model import Document, NoDocument, Note, Skipped, Unreadable


def _page(**more):
    metadata = {"url": "https://example.org/p", "title": "Title", **more.pop("metadata", {})}
    return {"markdown": "some text", "metadata": metadata, **more}


def _line(value):
    return json.dumps(value).encode()


GOOD = _line(_page())
DEEP = b'{"markdown":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"

BAD = {
    "not JSON": (b"hello world", "invalid-json"),
    "a broken value": (b'{"markdown": tru}', "invalid-json"),
    "an unterminated string": (b'{"markdown": "x', "invalid-json"),
    "a missing bracket": (b'{"markdown": "x", "metadata": {}', "invalid-json"),
    "trailing text": (GOOD + b" and more", "invalid-json"),
    "raw NUL": (b'{"markdown": "a\x00b", "metadata": {}}', "invalid-json"),
    "raw control character": (b'{"markdown": "a\x01b"}', "invalid-json"),
    "bad UTF-8": (b'{"markdown": "a\xffb"}', "invalid-utf8"),
    "cut UTF-8": (b'{"markdown": "a\xe2\x82"}', "invalid-utf8"),
    "binary": (bytes(range(128, 256)).replace(b"\n", b""), "invalid-utf8"),
    "deep nesting": (DEEP, "too-deep"),
    "deep but legal nesting": (b'{"x":' + b"[" * 900 + b"]" * 900 + b"}", "unknown-shape"),
    "null": (b"null", "unknown-shape"),
    "a number": (b"42", "unknown-shape"),
    "a string": (b'"text"', "unknown-shape"),
    "NaN": (b"NaN", "unknown-shape"),
    "an object nobody knows": (b'{"a": 1}', "unknown-shape"),
    "markdown is a number": (_line(_page(markdown=5)), "wrong-type"),
    "markdown is a list": (_line(_page(markdown=["x"])), "wrong-type"),
    "no metadata": (b'{"markdown": "text"}', "no-url"),
    "metadata is a list": (b'{"markdown": "text", "metadata": [1]}', "no-url"),
    "url is a number": (_line(_page(metadata={"url": 5})), "no-url"),
    "url is null": (_line(_page(metadata={"url": None})), "no-url"),
    "url is blank": (_line(_page(metadata={"url": "  "})), "no-url"),
    "javascript": (_line(_page(metadata={"url": "javascript:alert(1)"})), "bad-url"),
    "data": (_line(_page(metadata={"url": "data:text/html,x"})), "bad-url"),
    "no host": (_line(_page(metadata={"url": "https:///x"})), "bad-url"),
    "relative": (_line(_page(metadata={"url": "/docs/x"})), "bad-url"),
    "bad IPv6": (_line(_page(metadata={"url": "https://[::1/x"})), "bad-url"),
    "100 kB URL": (_line(_page(metadata={"url": "https://a.org/" + "x" * 100_000})), "bad-url"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_bad_line_is_one_dead_letter_and_the_next_is_read(reader, case):
    line, reason = BAD[case]
    records = reader.read(GOOD + b"\n" + line + b"\r\n" + GOOD + b"\n")
    kinds = [type(record.content) for record in records]
    assert kinds == [Document, Unreadable, Document]
    dead = records[1]
    assert dead.content.reason == reason
    assert dead.content.detail
    assert dead.place.line == 2
    assert dead.place.byte == len(GOOD) + 1
    assert abs(dead.place.length - len(line)) <= 10
    assert len(dead.content.detail) < 400


@pytest.mark.parametrize("case", sorted(BAD))
def test_what_a_retry_needs_is_kept(reader, case):
    """The dead letter's record or bytes, read again, end the same way."""
    line, reason = BAD[case]
    dead = reader.read(GOOD + b"\n" + line + b"\n" + GOOD)[1].content
    if dead.record is not None:
        again = orjson.dumps(dead.record)
    else:
        assert dead.raw is not None
        again = dead.raw
    (content,) = [
        one
        for one in reader.contents(GOOD + b"\n" + again + b"\n" + GOOD)
        if isinstance(one, Unreadable)
    ]
    assert content.reason == reason


FINE = {
    "no final newline": GOOD,
    "CRLF": GOOD + b"\r\n",
    "BOM": b"\xef\xbb\xbf" + GOOD + b"\n",
    "BOM before each value": (b"\xef\xbb\xbf" + GOOD) * 1,
    "leading blanks": b"  \n\n " + GOOD,
    "NaN inside": GOOD.replace(b'"title": "Title"', b'"title": "Title", "x": NaN, "y": -Infinity'),
    "2^64": GOOD.replace(b'"title": "Title"', b'"title": "Title", "x": 18446744073709551616'),
    "400 digits": GOOD.replace(b'"title": "Title"', b'"title": "Title", "x": ' + b"9" * 400),
    "50,000 digits": GOOD.replace(b'"title": "Title"', b'"title": "Title", "x": ' + b"9" * 50_000),
    "1e400": GOOD.replace(b'"title": "Title"', b'"title": "Title", "x": 1e400'),
    "duplicate keys": GOOD.replace(b'{"markdown"', b'{"markdown": "first", "markdown"'),
    "a trailing comma": GOOD + b",\n",
}


@pytest.mark.parametrize("case", sorted(FINE))
def test_odd_but_readable(reader, case):
    documents = [one for one in reader.contents(FINE[case]) if not isinstance(one, NoDocument)]
    (document,) = documents
    assert document == Document("https://example.org/p", "some text", title="Title")


def test_line_separators_within_strings_do_not_end_a_line(reader):
    text = "a\u2028b\u2029c\u0085d"
    line = json.dumps(_page(markdown=text), ensure_ascii=False).encode()
    (first, second) = reader.contents(line + b"\n" + line)
    assert first.text == second.text == text


def test_lone_surrogates_and_nul_become_replacement_characters(reader):
    line = _line(_page(markdown="cut \ud83d end\u0000", metadata={"title": "\udc00x"}))
    (document,) = reader.contents(line)
    assert document.text == "cut \ufffd end\ufffd"
    assert document.title == "\ufffdx"


def test_emoji_written_as_surrogate_pairs_stay(reader):
    (document,) = reader.contents(_line(_page(markdown="fine \U0001f600 \ud83d")))
    assert document.text == "fine \U0001f600 \ufffd"


def test_terminal_escapes_cannot_pass(reader):
    evil = "\x1b]0;owned\x07red\x1b[31m\n"
    line = _line(
        _page(metadata={"url": f"https://example.org/{evil}", "title": evil, "description": evil})
    )
    (document,) = reader.contents(line)
    for field in (document.url, document.title, document.description):
        assert field.isprintable()
    assert document.url == "https://example.org/%1B]0;owned%07red%1B[31m"


@pytest.mark.parametrize("text", ["", "  \n\t", "\u00a0\u3000"])
def test_blank_text_is_skipped_not_dead(reader, text):
    assert reader.contents(_line(_page(markdown=text))) == [
        Skipped("blank", "https://example.org/p")
    ]


def test_one_word_of_10_mb(reader):
    (document,) = reader.contents(_line(_page(markdown="x" * 10_000_000)))
    assert len(document.text) == 10_000_000


@pytest.mark.parametrize("place", ["line", "element", "whole"])
def test_a_document_longer_than_allowed_is_dead_with_its_true_length(reader, place):
    long = _line(_page(markdown="x" * 50_000))
    if place == "line":
        data, byte = GOOD + b"\n" + long + b"\n" + GOOD, len(GOOD) + 1
    elif place == "element":
        data, byte = b'{"data": [' + GOOD + b"," + long + b"," + GOOD + b"]}", 10 + len(GOOD) + 1
    else:
        data, byte = GOOD + long + GOOD, len(GOOD)
    records = reader.read(data, "x.json", max_record=10_000)
    assert [type(one.content) for one in records] == [Document, Unreadable, Document]
    dead = records[1]
    assert dead.content.reason == "too-long"
    assert (dead.place.byte, dead.place.length) == (byte, len(long))
    assert dead.content.raw is None
    assert 0 < len(dead.content.excerpt) <= 4096
    assert f"{len(long):,}" in dead.content.detail


def test_a_crawl_longer_than_a_record_may_be_is_read(reader):
    data = b'{"status": "completed", "data": [' + b",".join([GOOD] * 200) + b"]}"
    assert len(data) > 10_000
    contents = reader.contents(data, "x.json", max_record=10_000)
    assert [type(one) for one in contents] == [Document] * 200


@pytest.mark.parametrize("name", ["crawl.json", "array.json", "concatenated.json"])
def test_a_cut_stream_keeps_what_came_before_and_tells_where_it_ends(reader, samples, name):
    data = samples[name]
    whole = [one for one in reader.contents(data, name) if isinstance(one, Document)]
    for size in range(60, len(data) - 3, 37):
        contents = reader.contents(data[:size], name)
        assert sum(isinstance(one, Unreadable) for one in contents) <= 1
        documents = [one for one in contents if isinstance(one, Document)]
        assert documents == whole[: len(documents)]
        cut = [one for one in contents if isinstance(one, Unreadable)]
        if cut:
            assert cut[0].reason == "truncated"
            (note,) = [one for one in contents if isinstance(one, Note)]
            assert f"{size:,}" in note.message


def test_the_note_of_a_cut_crawl_counts_its_documents(reader, samples):
    *_, dead, note = reader.contents(samples["crawl_cut.json"], "crawl.json")
    assert dead.reason == "truncated"
    assert "after 2 documents" in note.message


@pytest.mark.parametrize("name", ["x.json", "x.json.gz"])
def test_what_calls_itself_json_and_is_not_is_one_dead_letter(reader, name):
    data = b"Not found, sorry"
    (record,) = reader.read(data if name == "x.json" else gzip.compress(data), name)
    assert record.content.reason == "not-json"
    assert "Not found" in record.content.detail
    assert record.place.length == len(data)


SITEMAP = b"<?xml version='1.0'?><urlset><url><loc>https://a.example/</loc></url></urlset>"
FILES = {
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "image": b"\x89PNG\r\n\x1a\n\x00",
    "csv": b'url,text\nhttps://a.example/,"a, b"\n',
    "xml": b'<?xml version="1.0"?><rss version="2.0"></rss>',
    "sitemap": SITEMAP,
    "text": b"Tea, and how to make it.\nWater first.\n",
    "addresses": b"https://example.org/1\nhttps://example.org/2\n",
    "zip": b"PK\x03\x04zip",
    "office": b"PK\x03\x04 [Content_Types].xml",
    "parquet": b"PAR1\x15\x04",
    "sqlite": b"SQLite format 3\x00",
    "tar": b"a.json".ljust(257, b"\0") + b"ustar\x0000",
    "media": b"\x00\x00\x00\x18ftypmp42",
    "binary": b"\x7fELF\x02\x01\x00",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", ["x.bin", "-"])
def test_a_file_of_another_kind_is_named_and_is_no_dead_letter(reader, kind, name):
    (record,) = reader.read(FILES[kind], name)
    assert isinstance(record.content, NoDocument)
    assert record.content.reason == f"{kind}-file"
    assert record.content.hint


@pytest.mark.parametrize("name", ["x.html", "x.json", "x"])
def test_html_is_a_page_whatever_its_name(reader, name):
    page = b"<!-- saved --><!doctype HTML><link rel=canonical href=https://a.example/><p>Tea"
    (document,) = reader.contents(page, name)
    assert (document.url, document.text) == ("https://a.example/", "Tea\n")


def test_a_pdf_with_an_address_is_still_no_page(reader):
    address = "https://a.example/manual"
    (record,) = reader.read(FILES["pdf"], "manual.pdf", base_url=address)
    assert record.content.reason == "pdf-file"


def test_junk_before_json_lines_does_not_hide_them(reader):
    contents = reader.contents(b"Crawling...\n" + GOOD + b"\n" + GOOD + b"\n", "x.log")
    assert [type(one) for one in contents] == [Unreadable, Document, Document]


def test_a_broken_first_line_does_not_hide_the_others(reader):
    contents = reader.contents(GOOD[:-9] + b"\n" + GOOD + b"\n" + GOOD, "x.json")
    assert [type(one) for one in contents] == [Unreadable, Document, Document]


def test_a_broken_value_in_a_pretty_stream_does_not_hide_the_others(reader):
    pretty = json.dumps(_page(), indent=2).encode()
    broken = pretty.replace(b'"metadata"', b"metadata", 1)
    unclosed = pretty[:-2]
    for bad in (broken, unclosed, pretty.replace(b'some text"', b"some text", 1)):
        contents = reader.contents(pretty + b"\n" + bad + b"\n" + pretty + b"\n", "x.json")
        assert [type(one) for one in contents] == [Document, Unreadable, Document]


def test_files_joined_without_a_newline_lose_nothing(reader):
    contents = reader.contents(GOOD + b"\n" + GOOD + GOOD + b"\n" + GOOD)
    assert [type(one) for one in contents] == [Document] * 4


def test_empty_input_is_noted(reader):
    (record,) = reader.read(b"")
    assert isinstance(record.content, Note)
    assert "is empty" in record.content.message


def test_dead_letters_are_opened_again(reader):
    import base64

    letters = [
        {"pulse_dead": 1, "reason": "no-url", "record": _page()},
        {"pulse_dead": 1, "reason": "x", "raw_base64": base64.b64encode(GOOD).decode()},
        {"pulse_dead": 1, "reason": "invalid-json", "raw_base64": base64.b64encode(b"{").decode()},
        {"pulse_dead": 1, "reason": "x", "raw_base64": "no base64!"},
        {"pulse_dead": 1, "reason": "too-long", "excerpt": "{..."},
        {"pulse_dead": 1, "reason": "nested", "record": {"pulse_dead": 1, "record": _page()}},
    ]
    contents = reader.contents(b"\n".join(_line(letter) for letter in letters), "x.dead.jsonl")
    kinds = [Document, Document, Unreadable, Unreadable, Unreadable, Document]
    assert [type(one) for one in contents] == kinds
    assert contents[2].raw == b"{"
    assert (contents[4].reason, contents[4].excerpt) == ("too-long", "{...")
