"""Turns stored bytes into text bytes: decodes gzip, zstd and UTF-16, in bounded memory.

The format is recognised by the first bytes, not by the name. All of several concatenated members
are read. All bytes before damage are delivered. Then `Damaged` is raised, and the damage becomes
one dead letter. An input that expands beyond the bound counts as damaged, too. One step expands to
at most 32 MiB; the bound is on the sum of all steps.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from pulse_cli.read.bytes.byte_reader import Damaged

CHUNK = 1024 * 1024
"""Bytes per chunk, at most."""

RATIO = 200
FLOOR = 256 * 1024 * 1024
"""The bound if the user sets none: 200 times the stored bytes, at least 256 MiB. Crawls compress
4 to 20 times, a gzip bomb 1,000 times, a zstd bomb more."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_STEP = 16 * 1024
"""Stored bytes per step: at most 16 MiB expanded, in case the step has to be repeated."""
_ZSTD_STEP = 1024
"""Stored bytes per step: a zstd block of 4 bytes expands to 128 KiB, so this is 32 MiB at worst."""
_ENCODINGS = {
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    b"{\x00": "utf-16-le",
    b"[\x00": "utf-16-le",
    b"\x00{": "utf-16-be",
    b"\x00[": "utf-16-be",
}


def unpacked(stored: Iterator[bytes], max_expanded: int | None) -> Iterator[bytes]:
    """Text bytes of an input, in chunks. May raise Damaged at the end."""
    head = b""
    for chunk in stored:
        head += chunk
        if len(head) >= 4:
            break
    whole = _chained(head, stored)
    if head.startswith(_GZIP):
        whole = _bounded(_gunzipped, whole, max_expanded)
    elif head.startswith(_ZSTD):
        whole = _bounded(_unzstd, whole, max_expanded)
    return _decoded(whole)


def is_plain(head: bytes) -> bool:
    """Whether an input that begins with `head` needs no decoding."""
    return not head.startswith((_GZIP, _ZSTD)) and head[:2] not in _ENCODINGS


def _chained(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from rest


def _bounded(
    expand: Callable[[Iterator[bytes]], Iterator[bytes]],
    stored: Iterator[bytes],
    max_expanded: int | None,
) -> Iterator[bytes]:
    read = expanded = 0

    def counted() -> Iterator[bytes]:
        nonlocal read
        for chunk in stored:
            read += len(chunk)
            yield chunk

    for chunk in expand(counted()):
        if not chunk:
            continue
        expanded += len(chunk)
        allowed = max(FLOOR, RATIO * read) if max_expanded is None else max_expanded
        if expanded > allowed:
            raise Damaged(
                "expands-too-far",
                f"compressed data expands to more than {allowed:,} bytes (source.max_expanded)",
            )
        yield chunk


def _gunzipped(stored: Iterator[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    started = False
    for chunk in stored:
        rest = chunk
        while rest := rest if started else rest.lstrip(b"\x00"):  # padding after members
            started = True
            step, rest = rest[:_GZIP_STEP], rest[_GZIP_STEP:]
            yield from _inflated(member, step)
            if member.eof:
                rest = member.unused_data + rest
                member = zlib.decompressobj(wbits=31)
                started = False
    if started:
        raise Damaged("truncated", "gzip data ends before its end mark")


def _inflated(member: zlib._Decompress, step: bytes) -> Iterator[bytes]:
    """The expanded bytes of this step. Raises Damaged after all bytes before the damage."""
    before, given, left = member.copy(), 0, step
    try:
        while left:
            text = member.decompress(left, CHUNK)
            given += len(text)
            yield text
            left = member.unconsumed_tail
    except zlib.error as error:
        # zlib does not return the output of a step that fails, so repeat it byte by byte.
        again = bytearray()
        with suppress(zlib.error):
            for at in range(len(step)):
                again += before.decompress(step[at : at + 1])
        yield bytes(again[given:])
        raise Damaged("damaged-gzip", f"gzip data is damaged: {error}") from None


def _unzstd(stored: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=128 * 1024 * 1024)
    frame = decompressor.decompressobj()
    started = False
    for chunk in stored:
        rest = memoryview(chunk)
        while rest:
            started = True
            step, rest = rest[:_ZSTD_STEP], rest[_ZSTD_STEP:]
            try:
                text = frame.decompress(step)
            except zstandard.ZstdError as error:
                raise Damaged("damaged-zstd", f"zstd data is damaged: {error}") from None
            for at in range(0, len(text), CHUNK):
                yield text[at : at + CHUNK]
            if frame.eof:
                rest = memoryview(frame.unused_data + bytes(rest))
                frame = decompressor.decompressobj()
                started = False
    if started:
        raise Damaged("truncated", "zstd data ends within a frame")


def _decoded(text: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-16, which PowerShell writes, becomes UTF-8 (offsets count that); the rest stays."""
    first = next(text, b"")
    encoding = _ENCODINGS.get(first[:2])
    if encoding is None:
        yield first
        yield from text
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    bom = True
    for chunk in _chained(first, text):
        decoded = decoder.decode(chunk)
        if bom and decoded:
            decoded, bom = decoded.removeprefix("\ufeff"), False
        if decoded:
            yield decoded.encode(errors="replace")
    if tail := decoder.decode(b"", final=True):
        yield tail.encode(errors="replace")
