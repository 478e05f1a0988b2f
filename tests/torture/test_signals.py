"""Signals to the real command: it stops soon, loses nothing, and embeds nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.simulators.faults import Fault
from tests.torture.bench import STORES, Bench, Machine
from tests.torture.commands import CLEAN, ROOT, Running
from tests.torture.corpus import page

SOON_S = 5.0
AT_ONCE_S = 1.0
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages that differ, all of them good: each chunk is embedded exactly once."""
    rng = random.Random(9)
    path = tmp_path_factory.mktemp("source") / "pages.jsonl"
    lines = [page(rng, f"https://site.example/{n}").line() for n in range(200)]
    path.write_bytes(b"\n".join(lines))
    return path


def interrupted(machine: Machine, rng: random.Random) -> None:
    """Start, send a signal within a second, see it end soon; then go on to the end.

    What the embedder was sent is counted: every chunk once, and one probe for each start.
    """
    machine.bench.tei.reset()
    number = rng.choice([signal.SIGINT, signal.SIGTERM])
    running = machine.start()
    time.sleep(rng.uniform(0.4, 1.3))
    running.signal(number)
    sent = time.monotonic()
    ended = running.wait()
    starts = 1
    if ended.code != 0:
        if ended.code < 0:  # before its handlers were there: as good as a kill
            assert ended.code == -number
        else:
            assert ended.code == CODES[number], ended.stderr
            assert ended.report["status"] == "interrupted"
            assert ended.report["resume"]
        assert time.monotonic() - sent < SOON_S
        assert machine.run().code == 0
        starts = 2
    report = machine.finished()
    assert report is not None
    assert report["counts"]["indexed"] == 200
    embedded = machine.bench.tei.stats()["inputs"]
    assert report["counts"]["chunks"] <= embedded <= report["counts"]["chunks"] + starts


@pytest.mark.parametrize("seed", range(5))
def test_a_signal_stops_it_soon_and_nothing_is_embedded_twice(
    bench: Bench, source: Path, seed: int
) -> None:
    interrupted(bench.machine(STORES[seed % 2], source), random.Random(seed))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 150))
def test_fifty_signals(bench: Bench, source: Path, seed: int) -> None:
    interrupted(bench.machine(STORES[seed % 2], source), random.Random(seed))


def waiting_for_the_embedder(machine: Machine) -> Running:
    """A run whose embedder never answers, under way."""
    machine.bench.tei.set_faults([Fault("hang", path="/embed", first=1)])
    machine.bench.tei.reset()
    running = machine.start()
    until = time.monotonic() + 20
    while machine.bench.tei.stats()["faults_fired"] == [0]:
        assert time.monotonic() < until
        time.sleep(0.02)
    return running


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.nightly)]
)
def test_a_second_signal_ends_it_at_once(bench: Bench, source: Path, number: int) -> None:
    machine = bench.machine("qdrant", source)
    try:
        running = waiting_for_the_embedder(machine)
        running.signal(number)
        time.sleep(0.3)  # it is draining, which would take up to 30 s
        sent = time.monotonic()
        running.signal(number)
        assert running.wait().code == CODES[signal.Signals(number)]
        assert time.monotonic() - sent < AT_ONCE_S
    finally:
        bench.calm()
    assert machine.run().code == 0


def test_hanging_up_loses_nothing(bench: Bench, source: Path) -> None:
    machine = bench.machine("edge", source)
    running = machine.start()
    time.sleep(0.8)
    running.signal(signal.SIGHUP)
    assert running.wait().code in (-signal.SIGHUP, 0, 129, 130)
    assert machine.finished() or machine.run().code == 0
    state = machine.finished()
    assert state is not None
    assert state["counts"]["indexed"] == 200


def test_put_aside_and_taken_up_again(bench: Bench, source: Path) -> None:
    machine = bench.machine("edge", source)
    running = machine.start()
    for _ in range(3):
        time.sleep(0.3)
        running.signal(signal.SIGTSTP)
        time.sleep(0.2)
        running.signal(signal.SIGCONT)
    ended = running.wait()
    assert ended.code == 0, ended.stderr
    assert ended.report["documents"]["indexed"] == 200


@pytest.mark.parametrize("closed", ["stderr", pytest.param("stdout", marks=pytest.mark.nightly)])
def test_a_reader_that_left_stops_nothing(bench: Bench, source: Path, closed: str) -> None:
    """`pulse index x --json | head -0`: all is indexed nevertheless."""
    machine = bench.machine("qdrant", source)
    read, write = os.pipe()
    os.close(read)
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_cli", *machine.args(), "--progress", "json", "-v"],
        **{**streams, closed: write},
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env={**CLEAN, "PULSE_CHUNK__MAX_TOKENS": "32"},
    )
    os.close(write)
    assert process.wait(60) == 0
    state = machine.finished()
    assert state is not None
    assert state["counts"]["indexed"] == 200


def test_a_log_on_a_full_disk_stops_nothing(bench: Bench, source: Path) -> None:
    ended = bench.machine("qdrant", source).run("--log-file", "/dev/full", "-vv")
    assert ended.code == 0, ended.stderr
    assert ended.report["documents"]["indexed"] == 200
