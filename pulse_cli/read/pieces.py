"""Inputs cut into pieces that can be read apart, in any process that sees the same files.

A piece is a range of bytes of a JSON Lines file, or an input as a whole. A range begins behind a
newline and ends with one, and a line is read by its own bytes alone (`framing`), so the pieces of
an input together give the records that the input gives, at the same bytes. Lines are counted from
the beginning of the input once somebody says on which line a piece begins.

Not cut are inputs that are compressed or in UTF-16 (there is no way in but the beginning), that are
not JSON Lines, that are no larger than a piece, and all that are no files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulse_cli.errors import Fatal
from pulse_cli.errors import Kind as Problem
from pulse_cli.model import Input
from pulse_cli.read.bytes.byte_reader import ByteReader
from pulse_cli.read.bytes.inputs import FIRECRAWL, INDEX
from pulse_cli.read.bytes.unpack import CHUNK, is_plain
from pulse_cli.read.framing.detect import Kind, detect

SHARD_BYTES = 32 * 1024 * 1024
FILE_BYTES = 4096
"""What reading a file costs besides its bytes, in bytes: a shard of empty files must end, too."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `start` up to `stop` of the input `name`, of which the first stands on `line`.

    `stop` is None for an input as a whole. `followed`: more of the input comes after the piece.
    `crc` is the CRC-32 of its (unpacked) bytes, None where nobody has read them yet.
    """

    name: str
    start: int = 0
    stop: int | None = None
    line: int = 1
    followed: bool = False
    crc: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.stop is None


def cut_into_shards(
    inputs: Sequence[Input], shard_bytes: int = SHARD_BYTES
) -> list[tuple[Piece, ...]]:
    """Shards of about `shard_bytes`, in the order of the inputs. Blocking.

    Raises Fatal for a pipe, which only one process can read.
    """
    shards: list[tuple[Piece, ...]] = []
    filling: list[Piece] = []
    size = 0
    for one in inputs:
        for piece, bytes_of_it in _pieces(one, shard_bytes):
            if filling and size + bytes_of_it > shard_bytes:
                shards.append(tuple(filling))
                filling, size = [], 0
            filling.append(piece)
            size += bytes_of_it
    if filling:
        shards.append(tuple(filling))
    return shards


def _pieces(one: Input, piece_bytes: int) -> Iterator[tuple[Piece, int]]:
    """The pieces of an input, each with what it counts for in bytes."""
    if one.name.startswith((FIRECRAWL, INDEX)):
        yield Piece(one.name), piece_bytes
    elif one.size is None:
        raise Fatal(
            f"{'standard input' if one.name == '-' else one.name} is a pipe, and several workers"
            " cannot share one",
            hint="write it to a file first, or leave out --workers and --queue",
            kind=Problem.USAGE,
        )
    elif one.size <= piece_bytes or not _is_plain_lines(one.name):
        yield Piece(one.name), one.size + FILE_BYTES
    else:
        yield from _ranges(one.name, one.size, piece_bytes)


def _is_plain_lines(name: str) -> bool:
    with Path(name).open("rb", buffering=0) as file:
        head = file.read(CHUNK)
        if not is_plain(head):
            return False
        chunks = iter(lambda: file.read(CHUNK), b"")
        return detect(ByteReader(_after(head, chunks)), name) is Kind.LINES


def _after(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from chunks


def _ranges(name: str, size: int, piece_bytes: int) -> Iterator[tuple[Piece, int]]:
    """Ranges of at least `piece_bytes` that end with a line; the last is the longest."""
    start = 0
    with Path(name).open("rb", buffering=0) as file:
        while size - start > 2 * piece_bytes:
            stop = _line_end(file.fileno(), start + piece_bytes)
            if stop is None or stop >= size:
                break
            yield Piece(name, start, stop, followed=True), stop - start
            start = stop
    if start:
        yield Piece(name, start, size), size - start
    else:
        yield Piece(name), size


def _line_end(file: int, offset: int) -> int | None:
    """Where the line ends that holds the byte before `offset`; None where the file ends first."""
    offset -= 1
    while chunk := os.pread(file, CHUNK, offset):
        if (found := chunk.find(b"\n")) >= 0:
            return offset + found + 1
        offset += len(chunk)
    return None
