"""One list of pages from what the vectors and what the words found.

By scores (the default): each list's scores are shares of its best, counted from the lowest
that is possible at all, -1 for a cosine and 0 for BM25, and a page gets the weighted sum of
its shares. This is the convex combination with theoretical minimum of Bruch, Gai and Ingber,
"An analysis of fusion functions for hybrid retrieval", ACM TOIS 2023. It keeps how sure a
list is. By ranks: reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009), which
forgets it.

A page counts once per list, with its best chunk: a page of fifty mediocre chunks must not
beat one with a single exact answer. A page that a list lacks gets nothing from it. Scores
are divided by the best possible, that of a page which leads every list, so they are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pulse_cli.model import Hit
from pulse_cli.payload import KEY, URL, VERSION

Fusion: TypeAlias = Literal["scores", "rrf"]

_LOWEST = {"vector": -1.0, "bm25": 0.0}


@dataclass(frozen=True, slots=True)
class Ranking:
    """How lists become one: the weight of each, and the constant k of rank fusion."""

    fusion: Fusion = "scores"
    vector: float = 0.6
    bm25: float = 0.4
    rrf_k: int = 60

    @property
    def weights(self) -> dict[str, float]:
        return {"vector": self.vector, "bm25": self.bm25}


@dataclass(frozen=True, slots=True)
class Vote:
    """What one list says of a page: its place from 1, the engine's score, its part of the sum."""

    rank: int
    score: float
    part: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page found: its chunks, the best first, its score (0 to 1), and each list's vote."""

    key: str
    score: float
    chunks: tuple[Hit, ...]
    votes: Mapping[str, Vote] = field(default_factory=dict)


def page_key(hit: Hit) -> str:
    """What makes chunks one page; points of other tools may lack the canonical URL."""
    for name in (KEY, URL):
        value = hit.payload.get(name)
        if isinstance(value, str) and value:
            return value
    return hit.id


def pages_of(hits: Sequence[Hit]) -> dict[str, list[Hit]]:
    """The chunks of each page; pages and chunks both in the order of the list."""
    pages: dict[str, list[Hit]] = {}
    for hit in hits:
        pages.setdefault(page_key(hit), []).append(hit)
    return pages


def fuse(lists: Mapping[str, Sequence[Hit]], ranking: Ranking) -> list[Page]:
    """All pages of all lists, best first. Ties keep the order of the lists.

    First among the chunks of a page are those that stood for it, the one with the larger
    part before the other.
    """
    possible = sum(ranking.weights[name] for name in lists) or 1.0
    votes: dict[str, dict[str, Vote]] = {}
    chunks: dict[str, list[tuple[float, int, Hit]]] = {}
    for name, hits in lists.items():
        weight = ranking.weights[name] / possible
        for rank, (key, found) in enumerate(pages_of(hits).items(), start=1):
            part = weight * _share(name, rank, found[0].score, hits[0].score, ranking)
            votes.setdefault(key, {})[name] = Vote(rank, found[0].score, part)
            listed = chunks.setdefault(key, [])
            listed += [(-part, place, hit) for place, hit in enumerate(found)]
    scores = {key: sum(vote.part for vote in given.values()) for key, given in votes.items()}
    ordered = sorted(scores, key=lambda key: -scores[key])
    return [Page(key, scores[key], _distinct(chunks[key]), votes[key]) for key in ordered]


def _share(name: str, rank: int, score: float, best: float, ranking: Ranking) -> float:
    """A page's share (0 to 1) of what the first page of the list gets."""
    if ranking.fusion == "rrf":
        return (ranking.rrf_k + 1) / (ranking.rrf_k + rank)
    lowest = _LOWEST[name]
    return max(0.0, (score - lowest) / (best - lowest)) if best > lowest else 0.0


def _distinct(found: list[tuple[float, int, Hit]]) -> tuple[Hit, ...]:
    """Each chunk once: by its place among the page's chunks, then by its list's part.

    All of them are of one version of the page, that of the best: while a page is replaced,
    two versions are in the store, and much of their text is the same.
    """
    chosen: dict[str, Hit] = {}
    for _, _, hit in sorted(found, key=lambda entry: (entry[1], entry[0])):
        chosen.setdefault(hit.id, hit)
    best, *others = chosen.values()
    version = best.payload.get(VERSION)
    return (best, *(hit for hit in others if hit.payload.get(VERSION) == version))
