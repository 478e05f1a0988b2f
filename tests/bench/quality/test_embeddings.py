"""Vectors are asked for once, and kept by text, prefix, kind and model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pulse_cli.bench.quality.embeddings import CachedEmbedder
from pulse_cli.model import EmbedLimits, Vectors


class Counting:
    """An embedder that remembers what it was asked."""

    dimension = 4
    limits = EmbedLimits(batch=8, batch_bytes=1000, in_flight=1, start=1, max_tokens=100)

    def __init__(self, model: str = "m") -> None:
        self.model = model
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return Vectors(np.array([[len(text), 1, 2, 3] for text in texts], np.float32))

    async def embed_query(self, text: str) -> Any:
        self.asked.append(f"query {text}")
        return np.array([0, len(text), 2, 3], np.float32)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None: ...


async def asked_for(folder: Path, inner: Counting, *texts: str, prefix: str = "") -> list[str]:
    cached = CachedEmbedder(inner, folder, (prefix, prefix))
    found = await cached.embed(texts)
    assert [row[0] for row in found.rows] == [len(text) for text in texts]
    assert found.rows.dtype == np.float32
    query = await cached.embed_query(texts[0])
    assert query.tolist() == [0, len(texts[0]), 2, 3]
    await cached.close()
    return inner.asked


async def test_only_what_is_not_kept_is_asked(tmp_path: Path) -> None:
    assert await asked_for(tmp_path, Counting(), "a", "bb") == ["a", "bb", "query a"]
    assert await asked_for(tmp_path, Counting(), "bb", "ccc") == ["ccc", "query bb"]
    assert await asked_for(tmp_path, Counting(), "a", "ccc") == []


async def test_another_prefix_or_model_is_another_vector(tmp_path: Path) -> None:
    await asked_for(tmp_path, Counting(), "a")
    assert await asked_for(tmp_path, Counting("other"), "a") == ["a", "query a"]
    assert await asked_for(tmp_path, Counting(), "a", prefix="passage: ") == ["a", "query a"]


async def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    await asked_for(tmp_path, Counting(), "a")
    [file] = tmp_path.iterdir()
    file.write_bytes(b"no database" * 1000)
    assert await asked_for(tmp_path, Counting(), "a") == ["a", "query a"]
