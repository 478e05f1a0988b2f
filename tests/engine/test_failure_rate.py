"""Blame needs evidence: at each failure rate, that many failures in a row are improbable."""

from __future__ import annotations

import random

import pytest

from pulse_cli.engine.failure_rate import IMPROBABLE, FailureRate


def test_few_failures_are_enough_where_nothing_else_fails() -> None:
    rate = FailureRate()
    assert rate.failures_to_blame() == 20  # nothing is known yet
    for _ in range(300):
        rate.note(failed=False)
    assert rate.failures_to_blame() == 4


@pytest.mark.parametrize("share", [0.3, 0.4, 0.5])
def test_a_service_that_fails_by_itself_needs_more_evidence(share: float) -> None:
    rate, rng = FailureRate(), random.Random(1)
    for _ in range(300):
        rate.note(failed=rng.random() < share)
    needed = rate.failures_to_blame()
    assert (share - 0.15) ** needed < IMPROBABLE * 10
    assert needed >= 9


def test_the_rate_is_that_of_late() -> None:
    rate = FailureRate()
    for _ in range(200):
        rate.note(failed=True)
    assert rate.failures_to_blame() > 100
    for _ in range(600):
        rate.note(failed=False)
    assert rate.failures_to_blame() == 4
