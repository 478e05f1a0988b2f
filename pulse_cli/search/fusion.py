"""Reciprocal rank fusion of pages (Cormack, Clarke and Buettcher, SIGIR 2009).

A page votes once per list, with its best chunk: a page of fifty mediocre chunks must not beat
one with a single exact answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulse_cli.model import Hit
from pulse_cli.payload import KEY, URL, VERSION


@dataclass(frozen=True, slots=True)
class Page:
    """A page found: its chunks, the best first, and its fused score."""

    key: str
    score: float
    chunks: tuple[Hit, ...]


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


def fuse(lists: Mapping[str, Sequence[Hit]], weights: Mapping[str, float], k: int) -> list[Page]:
    """All pages of all lists by sum(weight / (k + rank)), rank from 1, best first.

    First among the chunks of a page are those that stood for it, the one with more weight
    before the other. Ties keep the order of the lists.
    """
    scores: dict[str, float] = {}
    chunks: dict[str, list[tuple[float, int, Hit]]] = {}
    for name, hits in lists.items():
        for rank, (key, found) in enumerate(pages_of(hits).items(), start=1):
            vote = weights[name] / (k + rank)
            scores[key] = scores.get(key, 0.0) + vote
            listed = chunks.setdefault(key, [])
            listed += [(-vote, place, hit) for place, hit in enumerate(found)]
    ordered = sorted(scores, key=lambda key: -scores[key])
    return [Page(key, scores[key], _distinct(chunks[key])) for key in ordered]


def _distinct(found: list[tuple[float, int, Hit]]) -> tuple[Hit, ...]:
    """Each chunk once: by its place among the page's chunks, then by its list's vote.

    All of them are of one version of the page, that of the best: while a page is replaced,
    two versions are in the store, and much of their text is the same.
    """
    chosen: dict[str, Hit] = {}
    for _, _, hit in sorted(found, key=lambda entry: (entry[1], entry[0])):
        chosen.setdefault(hit.id, hit)
    best, *others = chosen.values()
    version = best.payload.get(VERSION)
    return (best, *(hit for hit in others if hit.payload.get(VERSION) == version))
