"""For random inputs, formats, damage and compressions: what follows each position, read anew, is
what followed it when the input was read through."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pulse_cli.model import Input, Position
from pulse_cli.read import ReadOptions
from pulse_cli.read.firecrawl.file_address import Addresses
from pulse_cli.read.source import InputSource

TEXTS = st.sampled_from(
    ["text", "# H\n\ntext\n", "", '{"a": 1}', '[{"', "é日本", 'q"\\{[', "x" * 90]
)
URLS = st.sampled_from(["https://a.org/1", "https://a.org/2", "/relative", None, 5])
PAGES = st.builds(
    lambda text, url, whole, part: {
        "markdown": text,
        **({"metadata": {"url": url}} if whole else {}),
        **({} if part is None else {"chunk_index": part}),
    },
    TEXTS,
    URLS,
    st.booleans(),
    st.sampled_from([None, None, 0, 1, 2]),
)
ODDITIES: list[Any] = [
    None, 5, "text", {}, [], {"a": 1}, [[[[[[[]]]]]]], {"links": ["x"]}, {"id": "1", "status": "x"},
    {"type": "crawl.started", "success": True, "data": []},
    {"pulse_dead": 1, "reason": "r", "raw_base64": "eyJhIjo="},
    {"pulse_dead": 1, "reason": "r", "excerpt": "{.."},
    {"a": [[[[{"data": {"markdown": "deep", "metadata": {"url": "https://a.org/"}}}]]]]},
]  # fmt: skip
MEMBERS = st.sampled_from(["data", "results", "payload", "pages", "web", "x", "error"])
ENVELOPES = st.sampled_from(
    [{}, {"success": True}, {"success": False}, {"status": "failed"}, {"next": "https://a.org/"}]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    PAGES | st.sampled_from(ODDITIES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.builds(lambda head, more: {**head, **more}, ENVELOPES, st.dictionaries(MEMBERS, inner)),
        st.builds(lambda page: {"type": "crawl.page", "success": True, "data": [page]}, inner),
        st.builds(lambda page: {"pulse_dead": 1, "reason": "r", "record": page}, inner),
        # What the tools of an MCP server answer: JSON inside of texts.
        st.lists(inner.map(json.dumps) | st.sampled_from(["words", "{broken", ""]), max_size=3).map(
            lambda texts: {"content": [{"type": "text", "text": text} for text in texts]}
        ),
    ),
    max_leaves=6,
)
BETWEEN = st.sampled_from(
    [b"\n", b"\r\n", b"", b" ", b",", b",\n", b"\n\n", b"\n  \n", b"\xef\xbb\xbf", b"\n[", b"]\n",
     b"\ngarbage\n", b" 5\n"]
)  # fmt: skip
DAMAGE = st.sampled_from(
    [b"}", b"]", b"{", b"[", b'"', b"\\", b",", b"\x00", b"\xff", b"\xe2\x82", b"\xef", b"words",
     b'{"data":[', b'"markdown":', b"\n", b"\n{", b"\n[", b"NaN"]
)  # fmt: skip


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """Values one after another, indented or not, some of them damaged."""
    data = b""
    for value in draw(st.lists(VALUES, min_size=1, max_size=4)):
        text = json.dumps(value, indent=draw(st.sampled_from([None, None, 0, 2])))
        data += text.encode() + draw(BETWEEN)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(DAMAGE) + data[at:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


PACKINGS = {
    "plain": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.compress,
    "gzip, joined": lambda data: gzip.compress(data[:50], mtime=0) + gzip.compress(data[50:]),
    "UTF-16": lambda data: data.decode(errors="replace").encode("utf-16"),
}


class Case(NamedTuple):
    stored: bytes
    name: str
    window: int
    max_record: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    data = draw(written())
    stored = PACKINGS[draw(st.sampled_from([*PACKINGS, "plain"]))](data)
    match draw(st.sampled_from(["whole", "whole", "cut", "flipped", "followed"])):
        case "cut":
            stored = stored[: draw(st.integers(0, len(stored)))]
        case "flipped" if stored:
            at = draw(st.integers(0, len(stored) - 1))
            flipped = stored[at] ^ (1 << draw(st.integers(0, 7)))
            stored = stored[:at] + bytes([flipped]) + stored[at + 1 :]
        case "followed":
            stored += draw(st.sampled_from([b"garbage", b"\0\0", b"\x1f\x8b", b"\n"]))
    return Case(
        stored,
        draw(st.sampled_from(["x.jsonl", "x.json", "x.md", "x"])),
        draw(st.sampled_from([1 << 20, 700, 100, 16])),
        draw(st.sampled_from([2000, 200])),
    )


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._step)


def source(folder: str, case: Case) -> InputSource:
    path = Path(folder) / case.name
    path.write_bytes(case.stored)
    addresses = Addresses([str(path)], None, [])
    options = ReadOptions(max_record=case.max_record)
    inputs = [Input(str(path), len(case.stored))]
    return InputSource(inputs, (), addresses, options, window=case.window)


def pipe(case: Case, step: int) -> InputSource:
    options = ReadOptions(max_record=case.max_record)
    stdin: Any = Trickle(case.stored, step)
    return InputSource(
        [Input("-")], (), Addresses([], None, []), options, stdin, window=case.window
    )


def check_every_position(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        records = list(source(folder, case).records(Position()))
        for done, record in enumerate(records, 1):
            rest = list(source(folder, case).records(record.position))
            assert rest == records[done:]


def check_every_position_of_a_pipe(case: Case, steps: tuple[int, int]) -> None:
    """How its bytes come differs between the two readings."""
    records = list(pipe(case, steps[0]).records(Position()))
    for done, record in enumerate(records, 1):
        assert list(pipe(case, steps[1]).records(record.position)) == records[done:]


def examples(request: pytest.FixtureRequest, few: int, many: int) -> settings:
    nightly = request.config.getoption("--nightly")
    return settings(max_examples=many if nightly else few, deadline=None, derandomize=not nightly)


MCP = {
    "content": [{"type": "text", "text": json.dumps({"markdown": "x", "url": "https://a.org/"})}]
}


def test_every_position_of_a_file(request: pytest.FixtureRequest) -> None:
    @examples(request, 400, 40_000)
    @given(cases())
    @example(Case(json.dumps(MCP, indent=2).encode() + b" 5\n", "x.json", 1 << 20, 2000))
    @example(Case(b'{\n "a": 1\n}, null \n', "x.json", 1 << 20, 2000))
    @example(Case(gzip.compress(b'{"a": 1}\n{"a": 2}')[:-9], "x.jsonl", 1 << 20, 2000))
    def run(case: Case) -> None:
        check_every_position(case)

    run()


def test_every_position_of_a_pipe(request: pytest.FixtureRequest) -> None:
    @examples(request, 150, 10_000)
    @given(cases(), st.tuples(st.integers(1, 40), st.integers(1, 40)))
    def run(case: Case, steps: tuple[int, int]) -> None:
        check_every_position_of_a_pipe(case, steps)

    run()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_cut_off_file_is_one_dead_letter_however_often_it_is_taken_up(pack: Any) -> None:
    """As a run does that is killed after each record."""
    stored = pack(b'{"markdown": "x", "url": "https://a.org/"}\n' * 3)[:-6]
    case = Case(stored, "x.jsonl", 1 << 20, 2000)
    with tempfile.TemporaryDirectory() as folder:
        through = [record.content for record in source(folder, case).records(Position())]
        position, one_by_one = Position(), []
        while record := next(source(folder, case).records(position), None):
            one_by_one.append(record.content)
            position = record.position
    assert one_by_one == through
