"""Pages that are the same text are embedded once in a run, and share their vectors."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from pulse_cli.model import Filter
from pulse_cli.store.edge.store import open_edge

TEXT = "# Night shift\n\n" + "\n\n".join(
    f"## Step {n}\n\n{f'Look at gauge {n} and write it down. ' * 60}" for n in range(6)
)
ADDRESSES = (
    "https://mill.example/shift",
    "http://mill.example/shift",
    "https://www.mill.example/shift/",
    "https://mirror.example/shift",
)


def page(url: str, title: str = "Night shift") -> str:
    return json.dumps({"markdown": TEXT, "metadata": {"url": url, "title": title}}) + "\n"


def inputs(tei: str) -> int:
    return int(httpx.get(f"{tei}/_sim/stats", trust_env=False).json()["inputs"])


@pytest.fixture
def sent(pulse, tei, home):
    """How many texts the embedder gets from a run on these pages, into a new collection."""

    def run(name: str, *pages: str) -> int:
        path: Path = home / "work" / f"{name}.jsonl"
        path.write_text("".join(pages))
        before = inputs(tei)
        done = pulse("index", str(path), "--tei", tei, "--collection", name, "--json")
        assert done.code == 0, done.err
        assert done.json["documents"]["indexed"] == len(pages)
        return inputs(tei) - before

    return run


def test_the_embedder_sees_a_text_once(sent, home) -> None:
    alone = sent("alone", page(ADDRESSES[0]))
    assert alone > 3
    assert sent("same", *map(page, ADDRESSES)) == alone
    other = sent("other", page(ADDRESSES[0]), page(ADDRESSES[1], "Another title"))
    assert other > 1.5 * alone  # another context is another text

    rows = asyncio.run(vectors(home / "data" / "pulse", "same"))
    assert len(rows) == len(ADDRESSES)
    first, *others = rows.values()
    for one in others:
        assert np.array_equal(first, one)


async def vectors(folder: Path, collection: str) -> dict[str, np.ndarray]:
    """Those of each page, in the order of its chunks."""
    store = open_edge(folder, collection, create=False)
    await store.open(0)
    found: dict[str, dict[int, np.ndarray]] = {}
    async for batch in store.whole_points(Filter()):
        for point, row in zip(batch.points, batch.rows, strict=True):
            own = found.setdefault(str(point.payload["url"]), {})
            own[int(point.payload["chunk_index"])] = row
    await store.close()
    return {url: np.stack([own[at] for at in sorted(own)]) for url, own in found.items()}
