"""Search: meaning (dense vectors) and words (BM25), fused into one list of pages."""

from __future__ import annotations

from pulse_cli.model import Filter
from pulse_cli.search.candidates import Backends, Candidates, find_candidates
from pulse_cli.search.duplicates import grouped
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
    least: float = 0.0,
) -> SearchResult:
    """Find up to `limit` pages whose share is at least `least` (0 to 1).

    Raises Fatal in mode `bm25` if the collection has no BM25 terms.
    """
    found = await find_candidates(query, backends, mode, limit, where or Filter())
    groups = grouped(rank(found, mode, ranking or Ranking()))
    notices = found.notices
    if backends.reranker is not None:
        from pulse_cli.search.rerank import reranked  # imports an HTTP client

        groups, more = await reranked(query, groups, backends.reranker)
        notices += more
    results = [result_of(group, mode) for group in groups]
    results = [result for result in results if result.share >= least]
    return SearchResult(query, mode, len(results), tuple(results[:limit]), notices)


def rank(found: Candidates, mode: Mode, ranking: Ranking) -> list[Page]:
    """All pages of the lists that `mode` uses, best first."""
    wanted = ("vector", "bm25") if mode == "hybrid" else (mode,)
    lists = {name: found.lists[name] for name in wanted if name in found.lists}
    return fuse(lists, ranking, found.with_phrase if mode == "hybrid" else frozenset())
