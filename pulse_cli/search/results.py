"""The results of a search: pages, each with its best chunks and its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pulse_cli.model import Hit
from pulse_cli.payload import CHUNK_INDEX, DESCRIPTION, TEXT, TITLE, URL
from pulse_cli.search.duplicates import Group
from pulse_cli.search.fusion import Page, Vote

Mode: TypeAlias = Literal["hybrid", "vector", "bm25"]

CHUNKS_SHOWN = 3
_OWN_FIELDS = frozenset({TEXT, TITLE, DESCRIPTION, URL, CHUNK_INDEX})


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """One chunk of a page that matched."""

    id: str
    chunk_index: int
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """One page. `id`, `text` and `chunk_index` are those of its best chunk, `chunks` the best.

    `score` is the fused score (0 to 1) in hybrid mode, else that of the engine (cosine or BM25).
    `share` (0 to 1) compares the page with the best possible: the fused score, the cosine, or the
    ratio to the best page's BM25. With a reranker both are the reranker's score. `votes` hold the
    part of each list. `duplicates` are further addresses of the same text.
    """

    id: str
    url: str
    title: str | None
    description: str | None
    text: str
    score: float
    share: float
    chunk_index: int
    chunks: tuple[FoundChunk, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    votes: Mapping[str, Vote] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """`mode` is the requested mode; `notices` say, for people, what of it was not possible.

    `total` counts the pages among the candidates, pages with the same text as one, so it is at
    least `len(results)`.
    """

    query: str
    mode: Mode
    total: int
    results: tuple[Result, ...]
    notices: tuple[str, ...] = ()


def result_of(group: Group, mode: Mode) -> Result:
    """The result for a page. In modes with one list the score is that of the engine."""
    page = group.best
    best = page.chunks[0]
    payload = best.payload
    score = page.score if mode == "hybrid" else best.score
    share = max(0.0, min(1.0, best.score)) if mode == "vector" else page.score
    if (vote := page.votes.get("rerank")) is not None:
        score, share = vote.score, max(0.0, min(1.0, vote.score))
    return Result(
        id=best.id,
        url=_url(page),
        title=_text(payload, TITLE),
        description=_text(payload, DESCRIPTION),
        text=_text(payload, TEXT) or "",
        score=score,
        share=share,
        chunk_index=_index(best),
        chunks=tuple(
            FoundChunk(hit.id, _index(hit), _text(hit.payload, TEXT) or "")
            for hit in page.chunks[:CHUNKS_SHOWN]
        ),
        metadata={name: value for name, value in payload.items() if name not in _OWN_FIELDS},
        votes=page.votes,
        duplicates=tuple(map(_url, group.others)),
    )


def _url(page: Page) -> str:
    return str(page.chunks[0].payload.get(URL) or page.key)


def _text(payload: Mapping[str, Any], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) else None


def _index(hit: Hit) -> int:
    value = hit.payload.get(CHUNK_INDEX)
    return value if isinstance(value, int) else 0
