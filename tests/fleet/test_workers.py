"""`pulse index --workers N`, whole: what it leaves is what one process leaves, whatever dies."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pulse_cli.simulators.faults import Fault
from tests.fleet.processes import below, until
from tests.torture.bench import POISONED, STORES, Bench, Machine
from tests.torture.commands import Running
from tests.torture.corpus import crawl
from tests.torture.world import Left

FLEET = ("--workers", "2", "--set", "fleet.shard=4KB", "--set", "fleet.lost_after=2s")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two crawls: pages repeat in each and in both, and some records are broken."""
    folder = tmp_path_factory.mktemp("source")
    first, latest = crawl(31, 120)
    second, _ = crawl(32, 120, latest)
    (folder / "1.jsonl").write_bytes(first.data)
    (folder / "2.jsonl").write_bytes(second.data)
    return folder


@pytest.fixture(scope="module")
def expected(bench: Bench, source: Path) -> Callable[[str], Left]:
    """What one process leaves."""
    known: dict[str, Left] = {}

    def left(store: str) -> Left:
        if store not in known:
            machine = bench.machine(store, source)
            assert machine.run().code == 3
            known[store] = machine.left()
            assert len(known[store].dead_letters) > 10
        return known[store]

    return left


@pytest.fixture
def slow(bench: Bench):
    """The embedder takes its time, so that there is work in hand when something dies."""
    bench.tei.reset()
    bench.tei.set_faults([POISONED, Fault("slow", path="/embed", seconds=0.1)])
    yield bench
    bench.calm()


def under_way(bench: Bench, running: Running, requests: int = 20) -> Running:
    until(lambda: bench.tei.stats()["requests"] > requests)
    return running


def has_ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def workers_of(running: Running) -> list[int]:
    return below(running.pid, "local_worker")


@pytest.mark.parametrize("store", STORES)
def test_workers_leave_what_one_process_leaves(
    bench: Bench, source: Path, expected: Callable[[str], Left], store: str
) -> None:
    machine = bench.machine(store, source)
    ended = machine.run(*FLEET)
    assert ended.code == 3, ended.stderr
    assert ended.report["bytes_read"] == sum(path.stat().st_size for path in source.iterdir())
    assert expected(store).differences(machine.left()) == []
    assert list(machine.state.glob("*.shards")) == []


def test_a_second_run_finds_everything_unchanged(bench: Bench, source: Path) -> None:
    alone, fleet = bench.machine("qdrant", source), bench.machine("qdrant", source)
    for machine, more in ((alone, ()), (fleet, FLEET)):
        assert machine.run(*more).code == 3
        assert machine.run(*more).code == 3
    assert fleet.left().counts["unchanged"] > 0
    assert alone.left().differences(fleet.left()) == []


def test_pages_that_are_gone_are_pruned(bench: Bench, tmp_path: Path) -> None:
    made, latest = crawl(33, 80)
    path = tmp_path / "pages.jsonl"
    lines = made.data.splitlines(keepends=True)
    gone = tmp_path / "fewer.jsonl"
    alone, fleet = (bench.machine("qdrant", path) for _ in range(2))
    counts = []
    for machine, more in ((alone, ()), (fleet, FLEET)):
        path.write_bytes(b"".join(lines))
        assert machine.run(*more).code == 3
        machine.source = gone
        gone.write_bytes(b"".join(line for line in lines if b'"url"' in line and b"{" in line[:1]))
        ended = machine.run(*more, "--prune", "--yes")
        counts.append((ended.code, ended.report["pruned"], ended.report["error"]))
    assert latest
    assert counts[0] == counts[1]
    assert alone.points() == fleet.points()


def test_a_worker_that_is_killed_loses_nothing(
    slow: Bench, source: Path, expected: Callable[[str], Left]
) -> None:
    wanted = expected("qdrant")
    slow.tei.reset()
    machine = slow.machine("qdrant", source)
    running = under_way(slow, machine.start(*FLEET))
    os.kill(workers_of(running)[0], signal.SIGKILL)
    ended = running.wait()
    assert ended.code == 3, ended.stderr
    assert wanted.differences(machine.left()) == []


def test_a_worker_that_was_frozen_does_no_harm(
    slow: Bench, source: Path, expected: Callable[[str], Left]
) -> None:
    """It wakes up when another has its job; its lease is over, so it writes no more."""
    wanted = expected("qdrant")
    slow.tei.reset()
    machine = slow.machine("qdrant", source)
    running = under_way(slow, machine.start(*FLEET))
    frozen = workers_of(running)[0]
    os.kill(frozen, signal.SIGSTOP)
    before = slow.tei.stats()["requests"]
    until(lambda: slow.tei.stats()["requests"] > before + 60)
    os.kill(frozen, signal.SIGCONT)
    ended = running.wait()
    assert ended.code == 3, ended.stderr
    assert wanted.differences(machine.left()) == []


def test_a_queue_that_dies_is_started_again(
    slow: Bench, source: Path, expected: Callable[[str], Left]
) -> None:
    wanted = expected("qdrant")
    slow.tei.reset()
    machine = slow.machine("qdrant", source)
    running = under_way(slow, machine.start(*FLEET))
    os.kill(below(running.pid, "valkey-server")[0], signal.SIGKILL)
    ended = running.wait()
    assert ended.code == 3, ended.stderr
    assert wanted.differences(machine.left()) == []


@pytest.mark.parametrize("more", [FLEET, ()], ids=["with workers", "without"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_stopped_goes_on(
    slow: Bench,
    source: Path,
    expected: Callable[[str], Left],
    number: signal.Signals,
    more: tuple[str, ...],
) -> None:
    wanted = expected("qdrant")
    slow.tei.reset()
    machine = slow.machine("qdrant", source)
    running = under_way(slow, machine.start(*FLEET))
    children = [*workers_of(running), *below(running.pid, "valkey")]
    running.signal(number)
    ended = running.wait()
    assert ended.code == (130 if number is signal.SIGINT else -signal.SIGKILL), ended.stderr
    for child in children:  # none outlives the command
        until(partial(has_ended, child))
    slow.calm()
    assert machine.run(*more).code == 3
    assert wanted.differences(machine.left()) == []


def test_a_run_that_one_process_began_is_ended_by_workers(
    slow: Bench, source: Path, expected: Callable[[str], Left]
) -> None:
    wanted = expected("qdrant")
    slow.tei.reset()
    machine = slow.machine("qdrant", source)
    running = under_way(slow, machine.start())
    running.signal(signal.SIGKILL)
    running.wait()
    slow.calm()
    assert machine.run(*FLEET).code == 3
    assert wanted.differences(machine.left()) == []


def random_deaths(bench: Bench, machine: Machine, rng: random.Random) -> None:
    """Start, and kill a random process of it at a random moment, until it has ended."""
    for _ in range(4):
        running = machine.start(*FLEET)
        bench.tei.reset()
        enough = rng.randint(0, 60)
        until(lambda: bench.tei.stats()["requests"] >= enough or machine.finished())  # noqa: B023
        workers, valkey = workers_of(running), below(running.pid, "valkey-server")
        kind = rng.choice(["worker", "worker", "coordinator", "valkey"])
        chosen = {"worker": workers, "coordinator": [running.pid], "valkey": valkey}[kind]
        for pid in chosen[:1]:
            os.kill(pid, signal.SIGKILL)
        if running.wait().code == 3:
            return


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(200))
def test_random_deaths(
    slow: Bench, source: Path, expected: Callable[[str], Left], seed: int
) -> None:
    store = STORES[seed % 2]
    wanted = expected(store)
    machine = slow.machine(store, source)
    random_deaths(slow, machine, random.Random(seed))
    if not machine.finished():
        ended = machine.run(*FLEET)
        assert ended.code == 3, ended.stderr
    assert wanted.differences(machine.left()) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--workers", "0"), "expected `auto` or a number"),
        (("--workers", "many"), "expected `auto` or a number"),
        (("--workers", "2", "--limit", "5"), "--limit counts records in order"),
    ],
)
def test_what_workers_cannot_do_is_refused(
    bench: Bench, source: Path, more: tuple[str, ...], said: str
) -> None:
    machine = bench.machine("qdrant", source)
    ended = machine.run(*more)
    assert ended.code == 2
    assert said in ended.stderr
    assert not machine.state.exists()
