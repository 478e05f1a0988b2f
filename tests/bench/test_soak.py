"""The soak feeds, disturbs, samples and stops a real pipeline."""

from __future__ import annotations

import pytest

from pulse_cli.bench.soak import slope, soak


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert slope([0, 1, 2], [1, 4, 1]) == pytest.approx(0)
    assert slope([1], [1]) == 0.0


@pytest.mark.nightly
def test_a_short_soak() -> None:
    found = soak(20)
    assert found.status == "interrupted"
    assert found.documents > 100
    assert found.dead > 0
    assert found.faults > 0
    assert found.fds[1] - found.fds[0] <= 10
