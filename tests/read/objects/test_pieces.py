"""Objects are cut into pieces where any byte of them can be asked for."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from pulse_cli.errors import SourceChanged
from pulse_cli.model import Position
from pulse_cli.read import ReadOptions, find_objects, open_source
from pulse_cli.read.open_source import open_pieces
from pulse_cli.read.pieces import cut_into_shards
from tests.object_servers import FileServer, S3Server

OPTIONS = ReadOptions()
LINES = b"".join(
    json.dumps({"markdown": f"text {n}", "url": f"https://e.org/{n}"}).encode() + b"\n"
    for n in range(100)
)


def _read(spec: str, shard_bytes: int) -> tuple[int, list[Any], list[Any]]:
    """The number of shards, what they give, and what the object gives as a whole."""
    objects = find_objects([spec], OPTIONS)
    source = open_source([spec], OPTIONS, objects=objects)
    line = 1
    found: list[Any] = []
    shards = cut_into_shards(source.inputs, shard_bytes, OPTIONS)
    for [piece] in shards:
        part = open_pieces([spec], OPTIONS, [replace(piece, line=line)])
        found += [(one.place, one.content) for one in part.records(Position())]
        line += part.read_pieces[0][1]
    return len(shards), found, [(one.place, one.content) for one in source.records(Position())]


def test_an_object_is_cut_into_ranges(s3: S3Server, web: FileServer) -> None:
    s3.make("cut", {"a.jsonl": LINES})
    web.files["/a.jsonl"] = LINES
    for spec in ("s3://cut/a.jsonl", f"{web.url}/a.jsonl"):
        count, found, whole = _read(spec, 1000)
        assert count == 5
        assert found == whole
        assert len(found) == 100


def test_of_a_piece_only_its_bytes_are_asked_for(
    front: FileServer, s3: S3Server, web: FileServer
) -> None:
    s3.make("part", {"a.jsonl": LINES})
    web.files["/a.jsonl"] = LINES
    for server, spec in ((front, "s3://part/a.jsonl"), (web, f"{web.url}/a.jsonl")):
        source = open_source([spec], OPTIONS, objects=find_objects([spec], OPTIONS))
        [_, [piece], *_] = cut_into_shards(source.inputs, 1000, OPTIONS)
        server.seen.clear()
        assert list(open_pieces([spec], OPTIONS, [piece]).records(Position()))
        assert piece.stop is not None
        assert server.bytes_asked_for == [f"bytes={piece.start}-{piece.stop - 1}"]


def test_what_can_be_read_only_from_its_beginning_is_not_cut(s3: S3Server, web: FileServer) -> None:
    s3.make("uncut", {"a.jsonl.gz": gzip.compress(LINES)})
    web.files["/a.jsonl"] = LINES
    web.ranges = False
    for spec in ("s3://uncut/a.jsonl.gz", f"{web.url}/a.jsonl"):
        count, found, whole = _read(spec, 100)
        assert (count, len(found)) == (1, 100)
        assert found == whole


def test_a_piece_of_another_version_is_refused(s3: S3Server) -> None:
    s3.make("other", {"a.jsonl": LINES})
    spec = "s3://other/a.jsonl"
    source = open_source([spec], OPTIONS, objects=find_objects([spec], OPTIONS))
    [_, second, *_] = cut_into_shards(source.inputs, 1000, OPTIONS)
    s3.put("other", "a.jsonl", LINES.replace(b"text 5", b"text 6"))
    with pytest.raises(SourceChanged):
        list(open_pieces([spec], OPTIONS, second).records(Position()))
