"""Messages between pulse and the process of the embedded store.

A frame is two little-endian lengths (4 bytes header, 8 bytes body), a JSON header and a raw
body (float32 rows). Nothing in it is code, so reading a frame can run nothing.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import orjson

LENGTHS = struct.Struct("<IQ")


def pack(header: Any, body: bytes | memoryview = b"") -> bytes:
    """One frame. Raises TypeError for what JSON cannot say (a lone surrogate, say)."""
    text = orjson.dumps(header, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join((LENGTHS.pack(len(text), len(body)), text, body))


def read(stream: BinaryIO) -> tuple[Any, bytes] | None:
    """The next frame of a blocking stream, None at its end."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header_length, body_length = LENGTHS.unpack(lengths)
    header = stream.read(header_length)
    body = stream.read(body_length)
    if len(header) < header_length or len(body) < body_length:
        return None
    return orjson.loads(header), body
