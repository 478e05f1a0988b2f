"""A run that dies anywhere, and goes on, leaves what a run leaves that never died."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pulse_cli.engine.fault_points import FAULT_POINTS
from tests.torture.moments import Moments, anywhere, at
from tests.torture.mutants import MUTANTS
from tests.torture.trial import Case, Verdict, make_case, random_moments, try_to_break

PLAIN, POWER, FLAKY, UNDONE = range(4)
KINDS = [
    # power, flaky, undo
    (False, 0.0, False),
    (True, 0.0, False),
    (True, 0.05, False),
    (False, 0.0, True),
]
# where a broken design shows soonest: the kind of trial, and where to die in it
SHOWS_IN = {
    "checkpoint before sync": (POWER, "checkpoint-saved"),
    "dead letters not cut": (PLAIN, "dead-letter-half-written"),
    "checkpoint in place": (PLAIN, "checkpoint-half-written"),
    "record stays committed": (UNDONE, "commit-points-written"),
}


async def trial(case: Case, seed: int, where: tuple[int, str] | None = None) -> Verdict:
    """One to three deaths, of a kind and at places that the seed chooses unless they are given."""
    rng = random.Random(seed)
    kind, place = where or (seed % len(KINDS), None)
    deaths = [
        Moments(at(place), rng.randint(1, 4)) if place else random_moments(rng, case)
        for _ in range(rng.randint(1, 3))
    ]
    power, flaky, undo = KINDS[kind]
    return await try_to_break(case, deaths, seed, power=power, flaky=flaky, undo=undo)


NOT_REACHED = {"pruned", "commit-undone"}  # by a run without --prune, and without a refusal


@pytest.mark.parametrize("name", [name for name in FAULT_POINTS if name not in NOT_REACHED])
async def test_dying_at_a_named_place_shows_nowhere(tmp_path: Path, name: str) -> None:
    case = await make_case(tmp_path / "case", 5)
    assert case.moments[name], "this place is never reached"
    for nth in range(1, min(3, case.moments[name]) + 1):
        for power in (False, True):
            deaths = [Moments(at(name), nth)]
            seed = 2 * nth + power
            verdict = await try_to_break(case, deaths, seed, power=power)
            assert verdict.differences == []
            # how often a place is passed may differ by one or two from run to run
            assert verdict.crashes == 1 or nth > 1


@pytest.mark.parametrize("seed", range(4))
async def test_dying_up_to_three_times_shows_nowhere(tmp_path: Path, seed: int) -> None:
    case = await make_case(tmp_path / "case", seed, fresh=seed % 3 == 0)
    crashes = 0
    for number in range(12):
        verdict = await trial(case, 100 * seed + number)
        assert verdict.differences == [], f"trial {number}"
        crashes += verdict.crashes
    assert crashes >= 12


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(40))
async def test_dying_a_thousand_times_shows_nowhere(tmp_path: Path, seed: int) -> None:
    case = await make_case(tmp_path / "case", 1000 + seed, fresh=seed % 3 == 0)
    for number in range(25):
        verdict = await trial(case, 100 * seed + number)
        assert verdict.differences == [], f"trial {number}"


@pytest.mark.nightly
async def test_dying_at_every_single_moment_shows_nowhere(tmp_path: Path) -> None:
    case = await make_case(tmp_path / "case", 11, pages=16)
    for nth in range(1, case.moments.total() + 1):
        for power in (False, True):
            deaths = [Moments(anywhere, nth)]
            verdict = await try_to_break(case, deaths, 2 * nth + power, power=power)
            assert verdict.differences == [], f"moment {nth}"


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_broken_design_is_noticed(tmp_path: Path, name: str) -> None:
    """Within 60 trials; if not, the trials above prove nothing."""
    for number in range(60):
        if number % 10 == 0:
            case = await make_case(tmp_path / f"case-{number}", 7 + number)
        with MUTANTS[name]():
            verdict = await trial(case, number, SHOWS_IN.get(name))
        if verdict.differences:
            print(f"{name}: trial {number}: {verdict.differences[:3]}")
            return
    pytest.fail(f"not noticed: {name}")
