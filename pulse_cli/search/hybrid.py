"""Search: meaning (dense vectors) and words (BM25), fused into one list of pages."""

from __future__ import annotations

from pulse_cli.model import Filter
from pulse_cli.search.candidates import Backends, Candidates, find_candidates
from pulse_cli.search.fusion import Page, Ranking, fuse
from pulse_cli.search.results import Mode, SearchResult, result_of


async def search(
    query: str,
    backends: Backends,
    *,
    mode: Mode = "hybrid",
    limit: int = 10,
    where: Filter | None = None,
    ranking: Ranking | None = None,
) -> SearchResult:
    """Find up to `limit` pages. Raises Fatal where mode `bm25` has no terms to search."""
    found = await find_candidates(query, backends, mode, limit, where or Filter())
    pages = rank(found, mode, ranking or Ranking())
    results = tuple(result_of(page, mode) for page in pages[:limit])
    return SearchResult(query, mode, len(pages), results, found.notices)


def rank(found: Candidates, mode: Mode, ranking: Ranking) -> list[Page]:
    """All pages of the lists that `mode` looks at, best first."""
    wanted = ("vector", "bm25") if mode == "hybrid" else (mode,)
    return fuse({name: found.lists[name] for name in wanted if name in found.lists}, ranking)
