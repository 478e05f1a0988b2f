"""Recall, MRR and nDCG of ranked lists, and how sure the figures are.

- recall@10: the share of a query's relevant pages that are among its first ten.
- MRR@10: 1 / rank of the first relevant page, 0 below ten (Voorhees, TREC-8, 1999).
- nDCG@10: gains of the grades discounted by log2(rank + 1), over the best possible order
  (Jarvelin and Kekalainen, ACM TOIS 2002).

Intervals hold 95 % of the means of resampled queries (the percentile bootstrap of Efron,
1979), resampled within each kind; the macro figures are means of those of the kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOP = 10
FIGURES = ("recall", "mrr", "ndcg")
RESAMPLES = 1000
_SEED = 7


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over queries with the interval that holds 95 % of its resampled values."""

    value: float
    low: float
    high: float


def scores_of(keys: Sequence[str], relevant: Mapping[str, int]) -> tuple[float, float, float]:
    """Recall, reciprocal rank and nDCG of one query, for its list of distinct keys."""
    gains = [relevant.get(key, 0) for key in keys[:TOP]]
    first = next((rank for rank, gain in enumerate(gains, start=1) if gain), 0)
    best = _discounted(sorted(relevant.values(), reverse=True)[:TOP])
    return (
        sum(1 for gain in gains if gain) / len(relevant),
        1 / first if first else 0.0,
        _discounted(gains) / best,
    )


def _discounted(gains: Sequence[int]) -> float:
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, start=1)))


class Resamples:
    """Which queries each resample takes, by kind: the same ones for every list, so that two
    lists can be compared query by query."""

    def __init__(self, kinds: Sequence[str]) -> None:
        rng = np.random.default_rng(_SEED)
        self._kinds = np.array(kinds)
        self.kinds = tuple(dict.fromkeys(kinds))
        self._chosen = {}
        for kind in self.kinds:
            own = np.flatnonzero(self._kinds == kind)
            self._chosen[kind] = own[rng.integers(0, len(own), (RESAMPLES, len(own)))]

    def of_kind(self, values: NDArray[np.float64], kind: str) -> Figure:
        """The mean of `values` (one for each query) over the queries of a kind."""
        return _figure(values[self._kinds == kind].mean(), values[self._chosen[kind]].mean(axis=1))

    def macro(self, values: NDArray[np.float64]) -> Figure:
        """The mean of the means of all kinds."""
        means = [values[self._kinds == kind].mean() for kind in self.kinds]
        resampled = [values[self._chosen[kind]].mean(axis=1) for kind in self.kinds]
        return _figure(np.mean(means), np.mean(resampled, axis=0))


def _figure(value: np.floating, resampled: NDArray[np.float64]) -> Figure:
    low, high = np.percentile(resampled, (2.5, 97.5))
    return Figure(float(value), float(low), float(high))
