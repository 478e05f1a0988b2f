"""Whatever the bytes: never a traceback, the same records however often it is interrupted, and
every byte accounted for."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pulse_cli.errors import Fatal
from pulse_cli.model import Document, Input, NoDocument, Note, Position, Record, Skipped, Unreadable
from pulse_cli.read import ReadOptions
from pulse_cli.read.firecrawl.file_address import Addresses
from pulse_cli.read.source import InputSource

CONTENTS = (Document, Skipped, Unreadable, NoDocument, Note)
SNIPPETS = [
    b"\n", b"\r\n", b"}", b"{", b"]", b"[", b'"', b"\\", b",", b":", b"\x00", b"\xff", b" ",
    b"null", b"NaN", b"\\ud800", b"\\u0000", b'{"data":[', b'"markdown":', b"1e999", b"9" * 400,
    b'{"pulse_dead":1,"record":', b'"metadata":{"url":5}', b"[[[[[[[[", b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
]  # fmt: skip
HOW = ["insert", "remove", "replace", "cut", "repeat", "flip", "random"]


@st.composite
def mutated(draw: st.DrawFn, samples: dict[str, bytes]) -> tuple[str, bytes]:
    """A sample with some of its bytes cut, repeated, replaced or joined by hostile ones."""
    name = draw(st.sampled_from(sorted(samples)))
    data = samples[name]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 40))
        match draw(
            st.sampled_from(["insert", "remove", "replace", "cut", "repeat", "flip", "random"])
        ):
            case "insert":
                data = data[:at] + draw(st.sampled_from(SNIPPETS)) + data[at:]
            case "remove":
                data = data[:at] + data[at + size :]
            case "replace":
                data = data[:at] + draw(st.sampled_from(SNIPPETS)) + data[at + size :]
            case "cut":
                data = data[:at]
            case "repeat":
                data = data[:at] + data[max(0, at - size) : at] + data[at:]
            case "flip" if at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << size % 8)]) + data[at + 1 :]
            case _:
                data = data[:at] + draw(st.binary(max_size=20)) + data[at + size :]
    return name, data


def _source(folder: str, name: str, data: bytes, window: int) -> InputSource:
    path = Path(folder) / name
    path.write_bytes(data)
    inputs = [Input(str(path), len(data))]
    options = ReadOptions(max_record=2000)
    return InputSource(inputs, (), Addresses([str(path)], None, []), options, window=window)


def check(name: str, data: bytes, window: int) -> list[Record]:
    with tempfile.TemporaryDirectory() as folder:
        records = list(_source(folder, name, data, window).records(Position()))
        places = [(r.position.offset, r.position.item, r.position.joined) for r in records]
        assert places == sorted(set(places))
        fed = [record.position.fed for record in records]
        assert fed == sorted(fed)
        for record in records:
            assert isinstance(record.content, CONTENTS)
            assert record.position.fed >= record.position.offset
            assert record.cost >= 0
            if isinstance(record.content, Document):
                assert record.content.url
                assert record.content.text.strip()
                record.content.text.encode()
        for done in range(1, len(records), max(1, len(records) // 4)):
            rest = list(_source(folder, name, data, window).records(records[done - 1].position))
            assert rest == records[done:]
        return records


def test_mutated_samples(samples, request):
    examples = 5000 if request.config.getoption("--nightly") else 200

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(mutated(samples), st.sampled_from([1 << 20, 700, 100, 16]))
    def run(sample: tuple[str, bytes], window: int) -> None:
        check(*sample, window)

    run()


def test_mutated_compressed_samples(samples, request):
    examples = 2000 if request.config.getoption("--nightly") else 60
    packed = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in samples.items()}
    packed |= {f"{name}.zst": zstandard.compress(data) for name, data in samples.items()}

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(mutated(packed))
    def run(sample: tuple[str, bytes]) -> None:
        check(*sample, 700)

    run()


def test_random_bytes(request):
    examples = 5000 if request.config.getoption("--nightly") else 200

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(st.binary(max_size=300), st.sampled_from(["x.jsonl", "x.json", "x.md"]))
    @example(b"\x1f\x8b", "x.jsonl")
    @example(b"\x28\xb5\x2f\xfd", "x.jsonl")
    @example(b"\xff\xfe{", "x.jsonl")
    @example(b"{" * 300, "x.json")
    @example(b"[" * 300, "x.json")
    @example(b'{"data":[' * 30, "x.json")
    def run(data, name):
        check(name, data, 64)

    run()


def test_lines_partition_their_file(samples, request):
    """Of JSON lines each value's place is exactly its bytes, and the positions leave no gap."""
    examples = 2000 if request.config.getoption("--nightly") else 100
    good = samples["document_per_line.jsonl"].splitlines()
    line = st.one_of(
        st.sampled_from(good), st.binary(max_size=60).map(lambda b: b.replace(b"\n", b""))
    )

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(st.lists(line, max_size=8))
    @example([b"{}", b"", b'{"markdown": "cut'])
    def run(some):
        data = b"\n".join([good[0], *some, good[1]]) + b"\n"
        records = [r for r in check("x.jsonl", data, 1 << 20) if not isinstance(r.content, Note)]
        ends = {0} | {record.position.fed for record in records}
        begins = {0}
        for at, byte in enumerate(data):
            if byte == 0x0A:
                begins.add(at + 1)
        assert begins <= ends
        expected = 2 + sum(line in good for line in some)
        assert sum(isinstance(r.content, Document) for r in records) == expected

    run()


def test_fatal_is_only_for_changed_sources():
    with tempfile.TemporaryDirectory() as folder, pytest.raises(Fatal):
        list(_source(folder, "x.jsonl", b"{}\n", 100).records(Position(offset=3, fed=3, crc=1)))
