"""An input cut into pieces that are read apart gives the records it gives as a whole."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pulse_cli.errors import Fatal, Kind, SourceChanged
from pulse_cli.model import Document, Input, Position, Record
from pulse_cli.read import ReadOptions
from pulse_cli.read.open_source import open_pieces, open_source
from pulse_cli.read.pieces import FILE_BYTES, Piece, cut_into_shards


def whole(names: list[str], **options: Any) -> list[Record]:
    return list(open_source(names, ReadOptions(**options)).records(Position()))


def in_pieces(names: list[str], shard_bytes: int, **options: Any) -> list[Record]:
    """The records of all shards, each read by a source of its own."""
    inputs = open_source(names, ReadOptions(**options)).inputs
    lines: dict[str, int] = {}
    found = []
    for shard in cut_into_shards(inputs, shard_bytes):
        placed = [replace(piece, line=lines.get(piece.name, 1)) for piece in shard]
        source = open_pieces(names, ReadOptions(**options), placed)
        found += list(source.records(Position()))
        for number, piece in enumerate(placed):
            lines[piece.name] = piece.line + source.read_pieces[number][1]
    return found


def seen(records: list[Record]) -> list[Any]:
    return [(record.place, record.content, record.cost) for record in records]


def test_every_shape_is_the_same_in_pieces(reader, samples):
    cut = 0
    for name, data in samples.items():
        path = reader.write(name, data)
        expected = whole([path])
        if any(isinstance(one.content, Document) and one.content.part for one in expected):
            continue  # a run with parts is not cut
        for shard_bytes in (100, 700):
            assert seen(in_pieces([path], shard_bytes)) == seen(expected), name
            cut += len(cut_into_shards([Input(path, len(data))], shard_bytes)) > 1
    assert cut > 10


LINES = st.lists(
    st.sampled_from(
        [
            json.dumps({"markdown": "text", "metadata": {"url": "https://a.org/1"}}),
            json.dumps({"markdown": "é日本" * 9, "metadata": {"url": "https://a.org/2"}}),
            json.dumps({"success": True, "data": [{"markdown": "x"}], "next": "https://a.org/n"}),
            json.dumps({"type": "crawl.started", "success": True, "data": []}),
            '{"markdown": broken}',
            "words",
            "",
            "\r",
            '{"a": 1} {"b": 2}',
            '{"markdown": "cut',
        ]
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(LINES, st.integers(1, 400), st.sampled_from(["\n", ""]))
def test_random_lines_are_the_same_in_pieces(tmp_path_factory, lines, shard_bytes, end):
    text = "\n".join(lines) + end
    assume(text[-shard_bytes:].strip())
    path = tmp_path_factory.getbasetemp() / "random.jsonl"
    path.write_text(text, encoding="utf-8")
    assert seen(in_pieces([str(path)], shard_bytes)) == seen(whole([str(path)]))


def test_pieces_cover_an_input_without_gap_and_end_with_lines(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"".join(b'{"markdown": "%d"}\n' % n * (n % 5) for n in range(300)))
    size = path.stat().st_size
    pieces = [piece for shard in cut_into_shards([Input(str(path), size)], 512) for piece in shard]
    assert len(pieces) > 10
    assert [piece.start for piece in pieces] == [0, *(piece.stop for piece in pieces[:-1])]
    assert pieces[-1].stop == size
    assert not pieces[-1].followed
    data = path.read_bytes()
    assert all(data[: piece.stop].endswith(b"\n") for piece in pieces)
    assert all(piece.stop and piece.stop - piece.start >= 512 for piece in pieces)


def test_what_cannot_be_cut_is_one_piece(tmp_path, samples):
    lines = samples["document_per_line.jsonl"] * 50
    files = {
        "packed.jsonl.gz": gzip.compress(lines),
        "utf16.jsonl": lines.decode().encode("utf-16"),
        "object.json": samples["crawl.json"],
        "one_line.jsonl": json.dumps({"markdown": "x" * 5000}).encode(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        given = [Input(str(tmp_path / name), len(data))]
        assert cut_into_shards(given, 100) == [(Piece(str(tmp_path / name)),)], name
    assert len(cut_into_shards([_written(tmp_path / "plain.jsonl", lines)], 100)) > 50


def test_small_files_share_a_shard_and_stay_in_order(tmp_path):
    inputs = [_written(tmp_path / f"{n:03}.json", b"{}") for n in range(100)]
    shards = cut_into_shards(inputs, 10 * FILE_BYTES + 20)
    assert [len(shard) for shard in shards] == [10] * 10
    assert [piece.name for shard in shards for piece in shard] == [one.name for one in inputs]


@pytest.mark.parametrize("name", ["-", "/tmp/a-fifo"])
def test_a_pipe_is_refused(name):
    with pytest.raises(Fatal, match="several workers cannot share") as refused:
        cut_into_shards([Input(name)])
    assert refused.value.kind is Kind.USAGE


def test_a_remote_crawl_is_a_shard_of_its_own(tmp_path):
    files = [_written(tmp_path / name, b"{}") for name in ("a.json", "b.json")]
    remote = Input("firecrawl:crawl/x")
    shards = cut_into_shards([files[0], remote, files[1]])
    assert [[piece.name for piece in shard] for shard in shards] == [
        [files[0].name], [remote.name], [files[1].name]
    ]  # fmt: skip


def test_a_piece_whose_bytes_have_changed_is_refused(reader, samples):
    path = reader.write("x.jsonl", samples["document_per_line.jsonl"])
    source = open_pieces([path], ReadOptions(), [Piece(path)])
    list(source.records(Position()))
    crc, _ = source.read_pieces[0]
    again = open_pieces([path], ReadOptions(), [Piece(path, crc=crc)])
    assert list(again.records(Position()))
    reader.write("x.jsonl", samples["document_per_line.jsonl"].replace(b"Text", b"Tent"))
    with pytest.raises(SourceChanged, match="has changed while it was being indexed"):
        list(open_pieces([path], ReadOptions(), [Piece(path, crc=crc)]).records(Position()))


def _written(path: Path, data: bytes) -> Input:
    path.write_bytes(data)
    return Input(str(path), len(data))
