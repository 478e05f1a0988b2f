"""Recall, MRR and nDCG by hand, and intervals by what is known of them."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from pulse_cli.bench.quality.scores import Resamples, scores_of


@pytest.mark.parametrize(
    ("keys", "relevant", "expected"),
    [
        (["a", "b"], {"a": 1}, (1, 1, 1)),
        (["b", "a"], {"a": 1}, (1, 1 / 2, 1 / log2(3))),
        (["b", "c"], {"a": 1}, (0, 0, 0)),
        ([*"bcdefghijk", "a"], {"a": 1}, (0, 0, 0)),  # the eleventh
        (["x", "a", "b"], {"a": 1, "b": 2}, (1, 1 / 2, (1 / log2(3) + 2 / 2) / (2 + 1 / log2(3)))),
        (["a"], {"a": 1, "b": 1}, (1 / 2, 1, 1 / (1 + 1 / log2(3)))),
        ([], {"a": 1}, (0, 0, 0)),
    ],
)
def test_scores_of_one_query(
    keys: list[str], relevant: dict[str, int], expected: tuple[float, float, float]
) -> None:
    assert scores_of(keys, relevant) == pytest.approx(expected)


def test_macro_figures_weigh_kinds_alike_however_many_queries_they_have() -> None:
    resamples = Resamples(["many"] * 90 + ["few"] * 10)
    values = np.array([1.0] * 90 + [0.0] * 10)
    assert resamples.macro(values).value == 0.5
    many = resamples.of_kind(values, "many")
    assert (many.value, many.low, many.high) == (1, 1, 1)


def test_an_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(3).random(400)
    found = Resamples(["one"] * 400).of_kind(values, "one")
    spread = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - spread, abs=0.005)
    assert found.high == pytest.approx(values.mean() + spread, abs=0.005)


def test_what_is_compared_is_resampled_alike() -> None:
    """So that a list that is better by as much everywhere is surely better."""
    values = np.random.default_rng(3).random(100)
    resamples = Resamples(["a"] * 50 + ["b"] * 50)
    ahead = resamples.macro((values + 0.01) - values)
    assert (ahead.low, ahead.high) == pytest.approx((0.01, 0.01))
