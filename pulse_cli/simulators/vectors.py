"""Simulated embeddings: unit vectors that depend on the text alone, as ready JSON.

A vector is put together from four pieces, each one of 256 made once, chosen by the four
bytes of the text's CRC-32: so the same text always has the same vector, different texts
have different ones (but for 1 pair in 4 billion), and an answer is only joined, not computed.
"""

from __future__ import annotations

import zlib

import numpy as np
import orjson

_PIECES = 4
_EACH = 256


class VectorPool:
    """`dimension` must be at least 4."""

    def __init__(self, dimension: int, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self._json: list[list[bytes]] = []
        for part in np.array_split(np.arange(dimension), _PIECES):
            rows = rng.standard_normal((_EACH, len(part))).astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True) * np.float32(_PIECES**0.5)
            self._json.append([orjson.dumps(r, option=orjson.OPT_SERIALIZE_NUMPY) for r in rows])
        # Without brackets, and with the comma that joins it to the next.
        for number, pieces in enumerate(self._json):
            ends = (b"[" if number == 0 else b"", b"]" if number == _PIECES - 1 else b",")
            self._json[number] = [ends[0] + piece[1:-1] + ends[1] for piece in pieces]

    def json(self, text: bytes) -> bytes:
        """The vector of a text as a JSON array."""
        crc = zlib.crc32(text)
        a, b, c, d = self._json
        return a[crc & 255] + b[crc >> 8 & 255] + c[crc >> 16 & 255] + d[crc >> 24]


def spoil_rows(kind: str, rows: list[bytes]) -> list[bytes]:
    """The vectors of an answer with one fault in them. Raises ValueError if not known."""
    last = orjson.loads(rows[-1])
    if kind == "fewer":
        return rows[:-1]
    if kind == "more":
        return [*rows, rows[-1]]
    if kind == "dimension":
        return [orjson.dumps(orjson.loads(row)[:-1]) for row in rows]
    if kind == "mixed-dimension":
        return [*rows[:-1], orjson.dumps(last[:-1])]
    if kind == "zero":
        return [*rows[:-1], orjson.dumps([0.0] * len(last))]
    values = {"null": b"null", "nan": b"NaN", "huge": b"1e400", "string": b'"0.5"'}
    if kind not in values:
        raise ValueError(f"an embedding service does not know the fault {kind!r}")
    return [*rows[:-1], b"[" + values[kind] + b"," + orjson.dumps(last[1:])[1:]]
