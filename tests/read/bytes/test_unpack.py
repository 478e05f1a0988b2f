"""Compressed and otherwise encoded inputs: read by their bytes, damage bounded and told."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
import zstandard

from pulse_cli.model import Document, Note, Unreadable
from pulse_cli.read.bytes.byte_reader import Damaged
from pulse_cli.read.bytes.unpack import FLOOR, unpacked

PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}


def _documents(contents):
    return [one for one in contents if isinstance(one, Document)]


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x"])
def test_compression_is_known_by_its_bytes(reader, samples, kind, name):
    data = samples["document_per_line.jsonl"]
    assert reader.contents(PACK[kind](data), name) == reader.contents(data)


@pytest.mark.parametrize("kind", PACK)
def test_joined_members_are_read_through(reader, samples, kind):
    data = samples["document_per_line.jsonl"]
    joined = PACK[kind](data) + PACK[kind](b"") + PACK[kind](data)
    assert len(_documents(reader.contents(joined))) == 6


def test_gzip_padding_is_no_damage(reader, samples):
    data = gzip.compress(samples["document_per_line.jsonl"]) + bytes(2000)
    assert len(reader.contents(data)) == 3


@pytest.mark.parametrize("kind", PACK)
def test_a_cut_keeps_what_came_before_and_is_one_dead_letter(reader, samples, kind):
    data = samples["document_per_line.jsonl"] * 40
    packed = PACK[kind](data)
    whole = reader.contents(data)
    for size in range(5, len(packed) - 1, max(1, len(packed) // 25)):
        contents = reader.contents(packed[:size])
        documents = _documents(contents)
        assert documents == whole[: len(documents)]
        (dead,) = [one for one in contents if isinstance(one, Unreadable)]
        assert dead.reason == "truncated"
        (note,) = [one for one in contents if isinstance(one, Note)]
        assert note.partial


@pytest.mark.parametrize("kind", PACK)
def test_damage_keeps_what_came_before_and_is_told(reader, make_page, kind):
    import json
    import random

    rng = random.Random(7)
    pages = [make_page(n, x=rng.randbytes(600).hex()) for n in range(1200)]
    data = b"".join(json.dumps(page).encode() + b"\n" for page in pages)
    packed = PACK[kind](data)
    half = len(packed) // 2
    contents = reader.contents(packed[:half] + bytes(200) + packed[half + 200 :])
    kept = reader.contents(data)[:100]
    assert _documents(contents)[:100] == kept
    dead = [one for one in contents if isinstance(one, Unreadable)]
    # Lines that were unpacked wrongly before the damage showed are dead letters, too.
    assert dead[-1].reason in ("damaged-gzip", "damaged-zstd")


def test_what_stands_right_before_the_damage_is_kept(reader, samples):
    engine = zlib.compressobj(wbits=31)
    data = engine.compress(samples["document_per_line.jsonl"]) + engine.flush(zlib.Z_FULL_FLUSH)
    *documents, dead, _ = reader.contents(data + b"\xff" * 100)  # no block begins like this
    assert len(_documents(documents)) == 3
    assert dead.reason == "damaged-gzip"


def test_garbage_behind_a_member_is_damage(reader, samples):
    data = gzip.compress(samples["document_per_line.jsonl"]) + b"garbage"
    *documents, dead, note = reader.contents(data)
    assert len(documents) == 3
    assert dead.reason == "damaged-gzip"
    assert "damaged" in note.message


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_refused_in_bounded_memory(reader, samples, kind):
    good = samples["document_per_line.jsonl"]
    bomb = PACK[kind](good + b" " * 60_000_000)
    contents = reader.contents(bomb, max_expanded=30_000_000)
    assert len(_documents(contents)) == 3
    (dead,) = [one for one in contents if isinstance(one, Unreadable)]
    assert dead.reason == "expands-too-far"
    assert "source.max_expanded" in dead.detail


def test_without_a_bound_the_ratio_is_bounded():
    engine = zlib.compressobj(9, wbits=31)
    bomb = b"".join(engine.compress(bytes(1 << 20)) for _ in range(300)) + engine.flush()
    sizes: list[int] = []
    with pytest.raises(Damaged, match="expands"):
        sizes.extend(map(len, unpacked(iter([bomb]), None)))
    assert 200 << 20 < sum(sizes) <= FLOOR


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_what_powershell_writes(reader, samples, encoding):
    data = samples["document_per_line.jsonl"]
    encoded = data.decode().replace("\n", "\r\n").encode(encoding)
    assert reader.contents(encoded) == reader.contents(data)
    records = reader.read(encoded)
    for done, record in enumerate(records, 1):
        assert list(reader.source(encoded).records(record.position)) == records[done:]


def test_cut_utf16_is_no_traceback(reader, samples):
    encoded = samples["document_per_line.jsonl"].decode().encode("utf-16")
    for size in (1, 2, 3, 101, len(encoded) - 1):
        assert reader.contents(encoded[:size])


def test_a_cut_before_the_first_byte_is_a_dead_letter_too(reader, samples):
    packed = gzip.compress(samples["document_per_line.jsonl"])
    records = reader.read(packed[:12])
    assert [type(one.content) for one in records] == [Unreadable, Note]
    for done, record in enumerate(records, 1):
        assert list(reader.source(packed[:12]).records(record.position)) == records[done:]


def test_progress_counts_stored_bytes(reader, samples):
    packed = gzip.compress(samples["document_per_line.jsonl"])
    source = reader.source(packed)
    assert source.progress() == (0, len(packed))
    from pulse_cli.model import Position

    assert len(list(source.records(Position()))) == 3
    assert source.progress() == (len(packed), len(packed))
