"""How well search finds known pages: recall and rank by vector, by words, and by both.

A known item is a page whose title (else first heading) is the query and whose body, without
that line, is what must be found among all pages of the sample. Titles that several pages
share are no known items. Everything goes the way of `pulse index` and `pulse search`, into
an index of its own that is thrown away.

Recall@10 is the share of queries whose page is among the first ten, MRR the mean of
1 / rank of that page, 0 below ten (Voorhees, TREC-8 question answering track, 1999).
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zlib import crc32

import orjson

from pulse_cli.app.index import Job, index_sources
from pulse_cli.engine import Stop
from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document, Position
from pulse_cli.ports import Observer
from pulse_cli.prepare.identity import canonical_url
from pulse_cli.read import ReadOptions, open_source
from pulse_cli.search.hybrid import Weights, search
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.config import Settings

TOP = 10
LEAST_BODY = 400  # characters; less is nothing to find a page by
Mode = Literal["vector", "bm25", "hybrid"]
MODES: tuple[Mode, ...] = ("vector", "bm25", "hybrid")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class KnownItem:
    """`query` is answered by the page `key` and by no other."""

    query: str
    key: str


@dataclass(frozen=True, slots=True)
class Found:
    """Of one mode: shares of all queries (0..1)."""

    recall: float
    mrr: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured: `queries` over `pages` cut into `chunks`."""

    pages: int
    chunks: int
    queries: int
    by_mode: dict[str, Found]
    misses: dict[str, list[str]]


async def measure_quality(
    settings: Settings,
    sources: Sequence[str],
    observer: Observer,
    *,
    pages: int = 300,
    most_chars: int = 20_000,
) -> Quality:
    """Sample `pages` pages of `sources`, index them, and ask for each by its title.

    The embedder, chunking, BM25 and weights are those of the settings. The sample depends on the
    URLs alone; pages over `most_chars` are left out. Raises Fatal.
    """
    with tempfile.TemporaryDirectory(prefix="pulse-quality-") as named:
        folder = Path(named)
        corpus = folder / "pages.jsonl"
        chosen = sample(documents(sources), pages, most_chars)
        items = known_items(chosen)
        corpus.write_bytes(b"".join(_line(document) for document in chosen))
        own = settings.model_copy(
            update={
                "state_dir": folder / "state",
                "qdrant": type(settings.qdrant)(url=str(folder / "index")),
                "source": type(settings.source)(),
            }
        )
        job = Job((str(corpus),), command="pulse bench --quality")
        summary = await index_sources(own, job, observer, Stop())
        if summary.status != "complete" or summary.error:
            problem = summary.error
            raise Fatal(problem.message if problem else "stopped", kind=Kind.BENCH)
        ranks = await _ranks(own, items, observer)
    return Quality(
        pages=len(chosen),
        chunks=summary.counts.chunks,
        queries=len(items),
        by_mode={mode: _found(ranks[mode]) for mode in MODES},
        misses={
            mode: [item.query for item, rank in zip(items, ranks[mode], strict=True) if not rank]
            for mode in MODES
        },
    )


def documents(sources: Sequence[str]) -> Iterator[Document]:
    """All documents that the sources hold."""
    for record in open_source(sources, ReadOptions()).records(Position()):
        if isinstance(record.content, Document):
            yield record.content


def sample(found: Iterator[Document], pages: int, most_chars: int) -> list[Document]:
    """Pages of one size class, at most one of each address, chosen by a hash of it."""
    chosen: dict[str, Document] = {}
    for document in found:
        if LEAST_BODY <= len(document.text) <= most_chars:
            chosen.setdefault(canonical_url(document.url), document)
    ordered = sorted(chosen, key=lambda key: (crc32(key.encode("utf-8", "replace")), key))
    return [chosen[key] for key in ordered[:pages]]


def query_of(document: Document) -> str:
    """The title, else the first heading, else "" ."""
    if document.title and document.title.strip():
        return " ".join(document.title.split())
    heading = _HEADING.search(document.text)
    return " ".join(heading[1].split()) if heading else ""


def without_query(document: Document) -> str:
    """The text without every line that is the query and nothing more, and its first heading."""
    query = query_of(document).casefold()
    first = _HEADING.search(document.text)
    text = document.text[: first.start()] + document.text[first.end() :] if first else document.text
    lines = text.split("\n")
    return "\n".join(line for line in lines if line.strip("#*= \t").casefold() != query)


def known_items(chosen: Sequence[Document]) -> list[KnownItem]:
    """The pages whose query is theirs alone and has at least two words (or is not spaced)."""
    queries = [query_of(document) for document in chosen]
    often = Counter(query.casefold() for query in queries)
    return [
        KnownItem(query, canonical_url(document.url))
        for document, query in zip(chosen, queries, strict=True)
        if often[query.casefold()] == 1 and (" " in query or not query.isascii())
    ]


def _line(document: Document) -> bytes:
    """A page as a crawl holds it, its title taken away."""
    metadata = {"url": document.url, "language": document.language}
    value = {"markdown": without_query(document), "metadata": metadata}
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


async def _ranks(
    settings: Settings, items: Sequence[KnownItem], observer: Observer
) -> dict[str, list[int]]:
    """By mode, the rank of each item's page from 1, 0 where it is below ten."""
    options = settings.search
    weights = Weights(options.vector_weight, options.bm25_weight, options.rrf_k)
    ranks: dict[str, list[int]] = {mode: [] for mode in MODES}
    async with Services(settings, observer) as services:
        store = await services.store(0, create=False)
        embedder = await services.embedder()
        terms = (await services.preparer()).query_terms
        keyword = await services.keyword()
        for item in items:
            for mode in MODES:
                found = await search(
                    item.query,
                    store=store,
                    embedder=embedder,
                    terms=terms,
                    mode=mode,
                    limit=TOP,
                    weights=weights,
                    keyword=keyword,
                )
                keys = [canonical_url(result.url) for result in found.results]
                ranks[mode].append(keys.index(item.key) + 1 if item.key in keys else 0)
    return ranks


def _found(ranks: Sequence[int]) -> Found:
    count = max(len(ranks), 1)
    return Found(
        recall=sum(1 for rank in ranks if rank) / count,
        mrr=sum(1 / rank for rank in ranks if rank) / count,
    )


def quality_page(found: Quality) -> str:
    """The figures for people."""
    lines = [
        f"{found.queries} queries over {found.pages:,} pages in {found.chunks:,} chunks",
        "          recall@10    MRR",
    ]
    lines += [
        f"  {mode:<8}    {one.recall:.3f}  {one.mrr:.3f}" for mode, one in found.by_mode.items()
    ]
    return "\n".join(lines)
