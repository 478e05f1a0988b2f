"""The protocol between a pulse process and the owner of an embedded collection.

A message is two little-endian lengths (4 bytes for the header, 8 for the body), a JSON header
and a raw body. Nothing in it is code, so reading a message can run nothing. A body holds
float32 rows, little-endian, or nothing. The body of an answer is `rows` in its `result`.

The first message of a client is its greeting `{"protocol", "pulse"}`. The owner answers with a
greeting of its own, or with an error of kind "protocol" where the two numbers differ. Then the
client sends requests `{"id", "op", ...}` with ids of its choice, and gets for each, in any
order, `{"id", "result"}` or `{"id", "error", "kind"}`. Greetings and the layout of a message
stay as they are in every later protocol, so that two versions can tell each other apart.

To add an operation: write a function in `operations.py`, enter it there in `READS` (if it changes
nothing) or `WRITES`, and call it from `store.py` by `self._session.call({"op": name, ...}, body)`.
Every operation must be repeatable, because a request is sent again when the owner dies during it.
Add one to `PROTOCOL` if a client of the previous version would not get what it asks for.
"""

from __future__ import annotations

import struct
from typing import Any

import orjson

PROTOCOL = 3
LENGTHS = struct.Struct("<IQ")
MOST_BYTES = 1 << 30


class Malformed(Exception):
    """The bytes received are not a message of this protocol."""


def pack(header: Any, body: bytes | memoryview = b"") -> bytes:
    """One message. Raises TypeError for what JSON cannot express (a lone surrogate)."""
    text = orjson.dumps(header, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join((LENGTHS.pack(len(text), len(body)), text, body))


class Unpacker:
    """Assembles messages from bytes as they are received."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> tuple[dict[str, Any], bytes] | None:
        """The next message, None until all of it is there. Raises Malformed."""
        if len(self._buffer) < LENGTHS.size:
            return None
        header_length, body_length = LENGTHS.unpack_from(self._buffer)
        if header_length + body_length > MOST_BYTES:
            raise Malformed(f"a message of {header_length + body_length} bytes")
        start, end = LENGTHS.size + header_length, LENGTHS.size + header_length + body_length
        if len(self._buffer) < end:
            return None
        with memoryview(self._buffer) as view:
            text, body = bytes(view[LENGTHS.size : start]), bytes(view[start:end])
        del self._buffer[:end]
        try:
            header = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise Malformed(f"a header that is not JSON: {error}") from error
        if not isinstance(header, dict):
            raise Malformed("a header that is no object")
        return header, body
