"""The real command, killed by SIGKILL over and over, on both stores."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_cli.engine.fault_points import FAULT_POINTS
from tests.torture.bench import STORES, Bench, Machine
from tests.torture.corpus import crawl
from tests.torture.world import Left

OF_PRUNING = {"pages-pruned", "pruned"}
POINTS = sorted(set(FAULT_POINTS) - OF_PRUNING)
Clean = Callable[[str], tuple[Left, float]]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, _ = crawl(21, 240)
    path = tmp_path_factory.mktemp("source") / "crawl.jsonl"
    path.write_bytes(made.data)
    return path


@pytest.fixture(scope="module")
def clean(bench: Bench, source: Path) -> Clean:
    """What a run leaves that nobody disturbs, and how many seconds it takes."""
    known: dict[str, tuple[Left, float]] = {}

    def left(store: str) -> tuple[Left, float]:
        if store not in known:
            machine = bench.machine(store, source)
            ended = machine.run()
            assert ended.code == 3, ended.stderr
            known[store] = machine.left(), ended.seconds
            assert len(known[store][0].points) > 200
            assert len(known[store][0].dead_letters) > 10
        return known[store]

    return left


def finish(machine: Machine) -> Left:
    """Run to the end, unless the run that was killed had just completed."""
    if not machine.finished():
        ended = machine.run()
        assert ended.code == 3, ended.stderr
    return machine.left()


def killed_at_random(machine: Machine, rng: random.Random, seconds: float) -> None:
    """Start; SIGKILL within the time that a run takes."""
    running = machine.start()
    time.sleep(rng.uniform(0.2, 1.1) * seconds)
    running.signal(signal.SIGKILL)
    assert running.wait().code in (-signal.SIGKILL, 3)


def trial(bench: Bench, source: Path, clean: Clean, store: str, seed: int) -> None:
    rng = random.Random(seed)
    expected, seconds = clean(store)
    machine = bench.machine(store, source)
    for _ in range(rng.randint(1, 3)):
        if not machine.finished():
            killed_at_random(machine, rng, seconds)
    assert expected.differences(finish(machine)) == [], f"seed {seed}"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("store", STORES)
def test_killed_at_any_time(
    bench: Bench, source: Path, clean: Clean, store: str, seed: int
) -> None:
    trial(bench, source, clean, store, seed)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(100, 200, 10))
@pytest.mark.parametrize("store", STORES)
def test_killed_at_any_time_for_long(
    bench: Bench, source: Path, clean: Clean, store: str, first: int
) -> None:
    for seed in range(first, first + 10):
        trial(bench, source, clean, store, seed)


def killed_at(bench: Bench, source: Path, clean: Clean, store: str, place: tuple[str, int]) -> None:
    expected, _ = clean(store)
    machine = bench.machine(store, source)
    assert machine.run(die_at=place).code == -signal.SIGKILL, "this place is never reached"
    assert expected.differences(finish(machine)) == []


@pytest.mark.parametrize("place", ["commit-others-deleted", "checkpoint-half-written"])
@pytest.mark.parametrize("store", STORES)
def test_killed_at_a_named_place(
    bench: Bench, source: Path, clean: Clean, store: str, place: str
) -> None:
    killed_at(bench, source, clean, store, (place, 2))


@pytest.mark.nightly
@pytest.mark.parametrize("nth", range(1, 3))
@pytest.mark.parametrize("place", POINTS)
@pytest.mark.parametrize("store", STORES)
def test_killed_at_every_named_place(
    bench: Bench, source: Path, clean: Clean, store: str, place: str, nth: int
) -> None:
    if (place, nth) == ("run-opened", 2):
        pytest.skip("a run is opened once")
    killed_at(bench, source, clean, store, (place, nth))
