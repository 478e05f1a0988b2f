"""How an input is cut depends on its bytes alone: not on how they arrive."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_cli.read import ReadOptions
from pulse_cli.read.bytes.byte_reader import ByteReader, Segments
from pulse_cli.read.firecrawl.shapes import Shapes
from pulse_cli.read.framing.framing import Framer

SHAPES = Shapes(ReadOptions())
Cut = tuple[Any, ...]


def cut(data: bytes, segments: Segments, step: int, window: int) -> list[Cut]:
    """All that is observable of each span, where the bytes come `step` at a time."""
    reader = ByteReader(data[at : at + step] for at in range(0, len(data), step))
    framer = Framer(reader, segments, SHAPES, 3000, window)
    return [(*span, reader.offset, reader.crc, reader.line) for span in framer.spans()]


@pytest.mark.parametrize("segments", Segments)
@pytest.mark.parametrize("window", [1 << 20, 400, 40])
def test_the_size_of_chunks_changes_nothing(samples, segments, window):
    for name, data in samples.items():
        whole = cut(data, segments, len(data), window)
        for step in (1, 2, 3, 41, 400, 401):
            assert cut(data, segments, step, window) == whole, (name, step)


@pytest.mark.parametrize("segments", Segments)
def test_every_byte_is_consumed_once(samples, segments):
    for name, data in samples.items():
        reader = ByteReader(iter([data]))
        for _ in Framer(reader, segments, SHAPES, 3000, 400).spans():
            assert reader.crc == crc32(data[: reader.offset]), (name, reader.offset)
            assert reader.line == 1 + data.count(b"\n", 0, reader.offset), (name, reader.offset)
        assert reader.offset == len(data), name


PIECES = st.sampled_from(
    [b'{"a":"', b'x\\"y', b'\\\\"', b'"}', b"{", b"}", b"[", b"]", b"\n", b"\n{", b" ", b",",
     b'"data":[', b"\\", b'"', b"\xef\xbb\xbf", b"\xef", b"null", b"12",
     b'{"markdown":"t","url":"https://a.org/"}']
)  # fmt: skip


def test_the_size_of_chunks_changes_nothing_in_hostile_bytes(request):
    examples = 20_000 if request.config.getoption("--nightly") else 150

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(
        st.lists(PIECES, max_size=25).map(b"".join),
        st.sampled_from(Segments),
        st.integers(1, 9),
        st.sampled_from([1 << 20, 50, 12]),
    )
    def run(data, segments, step, window):
        assert cut(data, segments, step, window) == cut(data, segments, len(data) + 1, window)

    run()
