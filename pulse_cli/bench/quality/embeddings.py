"""Vectors kept between measurements, so that a change of ranking is judged in seconds.

One SQLite file for each model and dimension. The key of a vector is the sha256 of its kind
(document or query), of the prefix it was sent with, and of the text. The file holds nothing
else than vectors, may be deleted at any time, and is not synced to the disk: after a power
cut it may be unreadable, and is begun anew.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pulse_cli.model import EmbedLimits, Vectors
from pulse_cli.ports import Embedder

if TYPE_CHECKING:
    from pulse_cli.model import Floats


class CachedEmbedder:
    """An `Embedder` that asks `embedder` only for what `folder` does not hold.

    `prefixes` are those of documents and queries, which the embedder adds itself.
    """

    def __init__(self, embedder: Embedder, folder: Path, prefixes: tuple[str, str]) -> None:
        self._embedder = embedder
        self._prefixes = prefixes
        named = hashlib.sha256(f"{embedder.model} {embedder.dimension}".encode()).hexdigest()
        folder.mkdir(parents=True, exist_ok=True)
        self._rows = _open(folder / f"{named[:16]}.db")
        self.embedded = 0

    @property
    def model(self) -> str:
        return self._embedder.model

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def limits(self) -> EmbedLimits:
        return self._embedder.limits

    async def embed(self, texts: Sequence[str]) -> Vectors:
        keys = [self._key("document", self._prefixes[0], text) for text in texts]
        known = self._known(keys)
        missing = [at for at, key in enumerate(keys) if key not in known]
        if missing:
            found = await self._embedder.embed([texts[at] for at in missing])
            self._keep([keys[at] for at in missing], found.rows)
            known |= dict(zip((keys[at] for at in missing), found.rows, strict=True))
        return Vectors(np.stack([known[key] for key in keys]))

    async def embed_query(self, text: str) -> Floats:
        key = self._key("query", self._prefixes[1], text)
        known = self._known([key])
        if key not in known:
            known[key] = await self._embedder.embed_query(text)
            self._keep([key], known[key][np.newaxis])
        return known[key]

    async def ready(self) -> bool:
        return await self._embedder.ready()

    async def close(self) -> None:
        self._rows.close()
        await self._embedder.close()

    def _key(self, kind: str, prefix: str, text: str) -> bytes:
        return hashlib.sha256(f"{kind}\0{prefix}\0{text}".encode("utf-8", "replace")).digest()

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Floats]:
        known = {}
        for key in keys:
            found = self._rows.execute("SELECT row FROM rows WHERE key = ?", (key,)).fetchone()
            if found is not None:
                known[key] = np.frombuffer(found[0], np.float32)
        return known

    def _keep(self, keys: Sequence[bytes], rows: Floats) -> None:
        self.embedded += len(keys)
        with self._rows:
            for key, row in zip(keys, rows.astype(np.float32), strict=True):
                self._rows.execute("REPLACE INTO rows VALUES (?, ?)", (key, row.tobytes()))


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.DatabaseError:
        with suppress(FileNotFoundError):
            path.unlink()
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(path)
    rows.execute("PRAGMA journal_mode = MEMORY")
    rows.execute("PRAGMA synchronous = OFF")
    rows.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID")
    return rows
