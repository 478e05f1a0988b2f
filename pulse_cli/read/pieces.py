"""Cuts inputs into pieces that any process with access to the same files can read by itself.

A piece is a range of bytes of a JSON Lines file, or a whole input. A range begins after a newline
and ends with one, and a line is read by its own bytes alone (`framing`). So the pieces of an input
together give the same records as the input, with the same offsets. Line numbers are those of the
input once it is known on which line a piece begins (`Piece.line`).

These inputs are not cut: compressed ones and those in UTF-16, which can be read from the beginning
only; those that are not JSON Lines; those no larger than a piece; files on web servers without
ranges; and everything that is neither a file nor an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from pulse_cli.errors import Fatal
from pulse_cli.errors import Kind as Problem
from pulse_cli.model import Input
from pulse_cli.read.bytes.files import InputReader
from pulse_cli.read.bytes.inputs import FIRECRAWL, INDEX
from pulse_cli.read.framing.detect import Kind, kind_if_plain
from pulse_cli.read.objects.address import is_object
from pulse_cli.read.options import ReadOptions

SHARD_BYTES = 32 * 1024 * 1024
_LOOK_BYTES = 256 * 1024
FILE_BYTES = 4096
"""The cost of opening a file, expressed in bytes, so that a shard of empty files ends, too."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `start` up to `stop` of the input `name`; the first of them is on `line`.

    `stop` is None for a whole input. `followed`: more of the input comes after the piece. `crc` is
    the CRC-32 of its (unpacked) bytes, None if it has not been read yet. `input_size` and `etag`
    are those of the input if it is an object (`model.Input`).
    """

    name: str
    start: int = 0
    stop: int | None = None
    line: int = 1
    followed: bool = False
    crc: int | None = None
    input_size: int | None = None
    etag: str = ""

    @staticmethod
    def whole(one: Input) -> Piece:
        if not is_object(one.name):
            return Piece(one.name)
        return Piece(one.name, input_size=one.size, etag=one.etag)

    @property
    def is_whole(self) -> bool:
        return self.stop is None

    @property
    def stored(self) -> Input:
        """The input that this is a piece of."""
        return Input(self.name, self.input_size, etag=self.etag)


def cut_into_shards(
    inputs: Sequence[Input],
    shard_bytes: int = SHARD_BYTES,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - frozen
) -> list[tuple[Piece, ...]]:
    """Shards of about `shard_bytes`, in the order of the inputs. Blocking.

    Raises Fatal for a pipe, which only one process can read.
    """
    shards: list[tuple[Piece, ...]] = []
    filling: list[Piece] = []
    size = 0
    with closing(InputReader(options)) as stored:
        for one in inputs:
            for piece, bytes_of_it in _pieces(one, shard_bytes, stored):
                if filling and size + bytes_of_it > shard_bytes:
                    shards.append(tuple(filling))
                    filling, size = [], 0
                filling.append(piece)
                size += bytes_of_it
    if filling:
        shards.append(tuple(filling))
    return shards


def _pieces(one: Input, piece_bytes: int, stored: InputReader) -> Iterator[tuple[Piece, int]]:
    """The pieces of an input, each with its cost in bytes."""
    is_file = not is_object(one.name)
    if one.name.startswith((FIRECRAWL, INDEX)) or (one.size is None and not is_file):
        yield Piece.whole(one), piece_bytes
    elif one.size is None:
        raise Fatal(
            f"{'standard input' if one.name == '-' else one.name} is a pipe, and several workers"
            " cannot share one",
            hint="write it to a file first, or leave out --workers and --queue",
            kind=Problem.USAGE,
        )
    elif one.size <= piece_bytes or not (is_file or one.etag) or not _is_plain_lines(one, stored):
        yield Piece.whole(one), one.size + FILE_BYTES
    else:
        yield from _ranges(one, one.size, piece_bytes, stored)


def _is_plain_lines(one: Input, stored: InputReader) -> bool:
    return kind_if_plain(stored.chunks(one), one.name) is Kind.LINES


def _ranges(
    one: Input, size: int, piece_bytes: int, stored: InputReader
) -> Iterator[tuple[Piece, int]]:
    """Ranges of at least `piece_bytes` that end with a line; the last is the longest."""
    start = 0
    whole = Piece.whole(one)
    while size - start > 2 * piece_bytes:
        stop = _line_end(one, start + piece_bytes, size, stored)
        if stop is None or stop >= size:
            break
        yield replace(whole, start=start, stop=stop, followed=True), stop - start
        start = stop
    if start:
        yield replace(whole, start=start, stop=size), size - start
    else:
        yield whole, size


def _line_end(one: Input, offset: int, size: int, stored: InputReader) -> int | None:
    """The end of the line that contains the byte before `offset`; None where the input ends first.

    Only `_LOOK_BYTES` are requested at a time, because all requested bytes of an object are sent.
    """
    for look in range(offset - 1, size, _LOOK_BYTES):
        at = look
        for chunk in stored.chunks(one, look, min(look + _LOOK_BYTES, size)):
            if (found := chunk.find(b"\n")) >= 0:
                return at + found + 1
            at += len(chunk)
    return None
