"""Fuses the list of vectors and the list of BM25 into one list of pages.

By scores (the default): the scores of each list become shares of its best score, counted from
the lowest possible score (-1 for a cosine, 0 for BM25). A page gets the weighted sum of its
shares. This is the convex combination with theoretical minimum of Bruch, Gai and Ingber, "An
analysis of fusion functions for hybrid retrieval", ACM TOIS 2023. It keeps the distances between
scores. By ranks: reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009), which
drops them.

A page counts once per list, with its best chunk: a page of fifty mediocre chunks must not
beat one with a single exact answer. A page that is not in a list gets nothing from it. Scores
are divided by the best possible sum, that of a page which leads every list, so they are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pulse_cli.model import Hit
from pulse_cli.payload import KEY, URL, VERSION

Fusion: TypeAlias = Literal["scores", "rrf"]

PHRASE = "phrase"
_LOWEST = {"vector": -1.0, "bm25": 0.0}


@dataclass(frozen=True, slots=True)
class Ranking:
    """How lists are fused: the weight of each, and the constant k of rank fusion.

    A page that holds the query word for word gets `phrase` (0 to 1) of what its score lacks.
    """

    fusion: Fusion = "scores"
    vector: float = 0.6
    bm25: float = 0.4
    rrf_k: int = 60
    phrase: float = 0.5

    @property
    def weights(self) -> dict[str, float]:
        return {"vector": self.vector, "bm25": self.bm25}


@dataclass(frozen=True, slots=True)
class Vote:
    """A page in one list: its rank from 1, its score in the list, and its part of the sum."""

    rank: int
    score: float
    part: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page found: its chunks (best first), its score (0 to 1), and the vote of each list."""

    key: str
    score: float
    chunks: tuple[Hit, ...]
    votes: Mapping[str, Vote] = field(default_factory=dict)


def page_key(hit: Hit) -> str:
    """The key that chunks of one page share; points of other tools may lack the canonical URL."""
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


def fuse(
    lists: Mapping[str, Sequence[Hit]],
    ranking: Ranking,
    with_phrase: Collection[str] = frozenset(),
) -> list[Page]:
    """All pages of all lists, best first. Ties keep the order of the lists.

    `with_phrase` are the keys of pages that hold the query word for word. They count in fusion by
    scores alone.

    The first chunks of a page are those that represent it in the lists, the one with the larger
    part of the score first.
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
    for key in votes.keys() & set(with_phrase) if ranking.fusion == "scores" else ():
        part = ranking.phrase * (1.0 - scores[key])
        votes[key][PHRASE] = Vote(1, 1.0, part)
        scores[key] += part
    ordered = sorted(scores, key=lambda key: -scores[key])
    return [Page(key, scores[key], _distinct(chunks[key]), votes[key]) for key in ordered]


def _share(name: str, rank: int, score: float, best: float, ranking: Ranking) -> float:
    """A page's share (0 to 1) of what the first page of the list gets."""
    if ranking.fusion == "rrf":
        return (ranking.rrf_k + 1) / (ranking.rrf_k + rank)
    lowest = _LOWEST[name]
    return max(0.0, (score - lowest) / (best - lowest)) if best > lowest else 0.0


def _distinct(found: list[tuple[float, int, Hit]]) -> tuple[Hit, ...]:
    """Each chunk once, ordered by rank among the chunks of the page, then by the list's part.

    All chunks are of one version of the page, that of the best chunk: while a page is replaced,
    two versions are in the store, and much of their text is the same.
    """
    chosen: dict[str, Hit] = {}
    for _, _, hit in sorted(found, key=lambda entry: (entry[1], entry[0])):
        chosen.setdefault(hit.id, hit)
    best, *others = chosen.values()
    version = best.payload.get(VERSION)
    return (best, *(hit for hit in others if hit.payload.get(VERSION) == version))
