"""What pulse is compared with: the pipeline of the service before it, without its faults.

`sequential` takes one page at a time: clean, cut, one embed request, one upsert, BM25, job records.
`gather:N` takes N pages, waits for all of them, and takes the next N (`asyncio.gather`, as
its batch worker did). The client costs that its makers documented are charged as time: 210 ms
a page of CPU, which one event loop cannot spend on two pages at once, and 50 ms of bookkeeping
in a database, which it can. Its embedding server took 128 texts at once; one that takes fewer
gets them in several requests, one after the other. Chunks are cut by pulse, so that both embed
the same texts. Runs are bounded in time: the rate of a sample stands for all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import orjson

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Chunk, Document
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.client import Client
from pulse_cli.simulators.profiles import Profile

COLLECTION = "/collections/baseline"
CLEAN_S, CHUNK_S, BM25_S, RECORDS_S = 0.010, 0.150, 0.050, 0.050
DOCUMENTED = {1: 1.0, 4: 2.87, 16: 4.9}
"""Speed-up over one page at a time that the original documented for a gather of N pages."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """`documents` pages in `seconds`: the sample that the rates are of."""

    name: str
    in_flight: int
    documents: int
    chunks: int
    seconds: float

    @property
    def documents_per_s(self) -> float:
        return self.documents / self.seconds if self.seconds else 0.0

    @property
    def chunks_per_s(self) -> float:
        return self.chunks / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "documents_per_s": self.documents_per_s,
            "chunks_per_s": self.chunks_per_s,
        }


def in_flight_of(name: str) -> int:
    """1 for `sequential`, N for `gather:N`. Raises ValueError."""
    if name == "sequential":
        return 1
    kind, _, number = name.partition(":")
    if kind != "gather" or not number.isdecimal() or int(number) < 1:
        raise ValueError(f"{name!r}: expected `sequential` or `gather:N`")
    return int(number)


def run_baseline(
    name: str,
    documents: Iterator[Document],
    chunks_of: ChunksOf,
    profile: Profile,
    urls: tuple[str, str],
    seconds: float,
) -> Baseline:
    """Index pages for at most about `seconds`, in a collection of its own. Blocking."""

    async def run() -> Baseline:
        return await _Original(chunks_of, profile, urls).run(name, documents, seconds)

    return asyncio.run(run())


class ChunksOf:
    """Cuts pages as pulse does, for the limits of the server."""

    def __init__(self, max_tokens: int, overlap_tokens: int) -> None:
        from pulse_cli.prepare import (
            PrepareOptions,
            open_counter,
            open_preparer,
            vendored_tokenizer,
        )

        options = PrepareOptions(max_tokens=max_tokens, overlap_tokens=overlap_tokens)
        self._preparer = open_preparer(options, open_counter(vendored_tokenizer())[0])

    def __call__(self, document: Document) -> Sequence[Chunk]:
        (prepared,) = self._preparer.prepare([(document, self._preparer.identify(document))])
        return self._preparer.chunks([prepared], 0, len(prepared.starts))[0]


class _Original:
    """One event loop, one HTTP client, one lock for what only one page can have: the CPU."""

    def __init__(self, chunks_of: ChunksOf, profile: Profile, urls: tuple[str, str]) -> None:
        self._chunks_of = chunks_of
        self._batch = profile.tei.max_client_batch_size
        self._dimension = profile.tei.dimension
        tei, qdrant = urls
        self._tei, self._qdrant = (
            Client(Address.parse(url, Peer(name, "its address", "its key")), timeout=120)
            for name, url in (("TEI", tei), ("Qdrant", qdrant))
        )
        self._cpu = asyncio.Lock()
        self._chunks = 0

    async def run(self, name: str, documents: Iterator[Document], seconds: float) -> Baseline:
        in_flight = in_flight_of(name)
        async with AsyncExitStack() as opened:
            for client in (self._tei, self._qdrant):
                opened.push_async_callback(client.close)
            vectors = {"size": self._dimension, "distance": "Cosine"}
            await _ask(self._qdrant, "PUT", COLLECTION, {"vectors": vectors})
            began = time.monotonic()
            done = 0
            while time.monotonic() - began < seconds:
                pages = list(islice(documents, in_flight))
                if not pages:
                    break
                await asyncio.gather(*(self._index(page) for page in pages))
                done += len(pages)
            return Baseline(name, in_flight, done, self._chunks, time.monotonic() - began)

    async def _index(self, page: Document) -> None:
        async with self._cpu:
            began = time.monotonic()
            chunks = self._chunks_of(page)
            spent = time.monotonic() - began
            await asyncio.sleep(max(0.0, CLEAN_S + CHUNK_S - spent))
        rows: list[list[float]] = []
        for start in range(0, len(chunks), self._batch):
            texts = [chunk.text for chunk in chunks[start : start + self._batch]]
            rows += await _ask(self._tei, "POST", "/embed", {"inputs": texts, "truncate": True})
        if chunks:
            await self._upsert(page, chunks, rows)
        async with self._cpu:
            await asyncio.sleep(BM25_S)
        await asyncio.sleep(RECORDS_S)
        self._chunks += len(chunks)

    async def _upsert(
        self, page: Document, chunks: Sequence[Chunk], rows: list[list[float]]
    ) -> None:
        points = [
            {
                "id": chunk.id,
                "vector": {"": row},
                "payload": {"url": page.url, "text": chunk.text, "chunk_index": chunk.index},
            }
            for chunk, row in zip(chunks, rows, strict=True)
        ]
        await _ask(self._qdrant, "PUT", f"{COLLECTION}/points?wait=true", {"points": points})


async def _ask(client: Client, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = await client.ask(method, path, orjson.dumps(body))
    if answer.status != 200:
        raise Fatal(f"{answer.sender.shown} refuses: {answer.said()}", kind=Kind.BENCH)
    return answer.json()
