"""Index a sample of pages, ask for each of its queries, and say how well they were found.

Everything goes the way of `pulse index` and `pulse search`, with the embedder, chunking,
BM25 and ranking of the settings, into an index of its own that is thrown away. Only vectors
are kept for the next time (`quality.embeddings`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import platformdirs

from pulse_cli.app.index import Job, index_sources
from pulse_cli.app.search import ranking_of, search_backends
from pulse_cli.bench.quality.beir import is_beir, read_beir
from pulse_cli.bench.quality.embeddings import CachedEmbedder
from pulse_cli.bench.quality.queries import Query, draw, hash_of
from pulse_cli.bench.quality.scores import TOP, scores_of
from pulse_cli.engine import Stop
from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document, Filter, Position
from pulse_cli.ports import Embedder, Observer
from pulse_cli.prepare.identity import canonical_url
from pulse_cli.search.candidates import find_candidates
from pulse_cli.search.hybrid import rank
from pulse_cli.search.results import Mode
from pulse_cli.wiring import Services
from pulse_cli.wiring.adapters import open_sources, read_options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pulse_cli.config import Settings

MODES: tuple[Mode, ...] = ("vector", "bm25", "hybrid")
LEAST_BODY = 400  # characters; less is nothing to find a page by
MOST_BODY = 20_000


@dataclass(frozen=True, slots=True)
class Answers:
    """`scores[mode]` has a row for each query: recall, reciprocal rank, nDCG."""

    pages: int
    chunks: int
    queries: Sequence[Query]
    scores: dict[str, NDArray[np.float64]]


async def measure_quality(
    settings: Settings, sources: Sequence[str], observer: Observer, *, pages: int, queries: int
) -> Answers:
    """Sample `pages` pages of `sources` and draw `queries` queries, or take a BEIR folder whole.

    Raises Fatal.
    """
    if len(sources) == 1 and is_beir(Path(sources[0])):
        documents, asked = read_beir(Path(sources[0]))
    else:
        documents, asked = draw(sample(_documents(settings, sources), pages), queries)
    if not asked:
        raise Fatal("nothing can be asked of these pages", hint="name a larger --corpus")

    def cached(embedder: Embedder) -> Embedder:
        embed = settings.embed
        folder = platformdirs.user_cache_path("pulse", appauthor=False) / "embeddings"
        return CachedEmbedder(embedder, folder, (embed.document_prefix, embed.query_prefix))

    with tempfile.TemporaryDirectory(prefix="pulse-quality-") as named:
        own = _own_settings(settings, Path(named))
        corpus = Path(named) / "pages.jsonl"
        corpus.write_bytes(b"".join(map(_line, documents)))
        job = Job((str(corpus),), command="pulse bench --quality")
        indexing = Services(own, observer, wrap_embedder=cached)
        summary = await index_sources(own, job, observer, Stop(), services=indexing)
        if summary.status != "complete" or summary.error:
            problem = summary.error
            raise Fatal(problem.message if problem else "stopped", kind=Kind.BENCH)
        async with Services(own, observer, wrap_embedder=cached) as services:
            scores = await _ask(services, asked)
    return Answers(len(documents), summary.counts.chunks, asked, scores)


def _documents(settings: Settings, sources: Sequence[str]) -> Iterator[Document]:
    """The pages of the sources that the settings let in."""
    for record in open_sources(sources, None, read_options(settings)).records(Position()):
        if isinstance(record.content, Document):
            yield record.content


def sample(found: Iterator[Document], pages: int) -> list[Document]:
    """Pages of one size class, at most one of each address, chosen by a hash of it."""
    chosen: dict[str, Document] = {}
    for document in found:
        if LEAST_BODY <= len(document.text) <= MOST_BODY:
            chosen.setdefault(canonical_url(document.url), document)
    ordered = sorted(chosen, key=lambda key: (hash_of(key), key))
    return [chosen[key] for key in ordered[:pages]]


def _own_settings(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={
            "state_dir": folder / "state",
            "qdrant": type(settings.qdrant)(url=str(folder / "index")),
            "source": type(settings.source)(),
        }
    )


def _line(document: Document) -> bytes:
    """A page as a crawl holds it."""
    metadata: dict[str, Any] = {
        "url": document.url,
        "title": document.title,
        "language": document.language,
    }
    value = {"markdown": document.text, "metadata": metadata}
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


async def _ask(services: Services, queries: Sequence[Query]) -> dict[str, NDArray[np.float64]]:
    ranking = ranking_of(services.settings)
    asked = await search_backends(services, "hybrid")
    scores: dict[str, NDArray[np.float64]] = {mode: np.zeros((len(queries), 3)) for mode in MODES}
    for number, query in enumerate(queries):
        found = await find_candidates(query.text, asked, "hybrid", TOP, Filter())
        for mode in MODES:
            keys = [page.key for page in rank(found, mode, ranking)[:TOP]]
            scores[mode][number] = scores_of(keys, query.relevant)
    return scores
