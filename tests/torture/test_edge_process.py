"""The real command, whose embedded store loses its process, and the process its command."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pulse_cli.engine.fault_points import FAULT_POINTS
from tests.torture.bench import Bench, Machine
from tests.torture.commands import Ended, Running
from tests.torture.corpus import crawl
from tests.torture.disks import resize
from tests.torture.edge_world import edge_owner, is_gone, wait_until_gone
from tests.torture.world import Left

DONE, UNAVAILABLE = 3, 75  # done with dead letters
POINTS = [name for name in FAULT_POINTS if name != "run-opened"]
IMPATIENT = {"PULSE_QDRANT__TIMEOUT": "1s"}


@dataclass(frozen=True)
class Scene:
    """What a run leaves that nobody disturbs, and how many seconds it takes."""

    bench: Bench
    source: Path
    left: Left
    seconds: float

    def machine(self) -> Machine:
        return self.bench.machine("edge", self.source)


@pytest.fixture(scope="module")
def scene(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    made, _ = crawl(31, 160)
    source = tmp_path_factory.mktemp("source") / "crawl.jsonl"
    source.write_bytes(made.data)
    machine = bench.machine("edge", source)
    ended = machine.run()
    assert ended.code == DONE, ended.stderr
    left = machine.left()
    assert len(left.points) > 150
    assert len(left.dead_letters) > 5
    return Scene(bench, source, left, ended.seconds)


def finish(scene: Scene, machine: Machine, **environment: str) -> None:
    """Go on to the end; nothing may be missing, doubled or other."""
    if not machine.finished():
        ended = machine.run(environment=environment)
        assert ended.code == DONE, ended.stderr
    assert scene.left.differences(machine.left()) == []


def check_ending(ended: Ended, how: str) -> None:
    """It has coped, or it says plainly what happened and what to do."""
    assert ended.code in (DONE, UNAVAILABLE), ended.stderr
    assert "Traceback" not in ended.stderr
    if ended.code == UNAVAILABLE:
        error = ended.report["error"]
        assert error["kind"] == "store-died"
        assert how in error["message"]
        assert "run the same command again" in error["hint"]
        assert ended.report["resume"]


def owner_of(machine: Machine, running: Running) -> int | None:
    """The owner of its collection, as soon as there is one; None if the command ends before."""
    until = time.monotonic() + 20
    while (pid := edge_owner(machine.collection)) is None and not is_gone(running.pid):
        assert time.monotonic() < until
        time.sleep(0.005)
    return pid


def wait_for(machine: Machine, file: str) -> None:
    until = time.monotonic() + 20
    while not list(machine.state.glob(file)):
        assert time.monotonic() < until
        time.sleep(0.005)


# --- the owner is killed, or hangs ---------------------------------------------


def killed_at_random(scene: Scene, seed: int, times: int) -> None:
    """At random moments of one run, and each that comes in its place."""
    rng = random.Random(seed)
    machine = scene.machine()
    running = machine.start()
    for _ in range(times):
        pid = owner_of(machine, running)
        time.sleep(rng.uniform(0.0, 0.7) * scene.seconds / times)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    check_ending(running.wait(), "SIGKILL")
    finish(scene, machine)


def test_killed_at_any_time(scene: Scene) -> None:
    killed_at_random(scene, 1, 3)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 200))
def test_killed_at_any_time_for_long(scene: Scene, seed: int) -> None:
    killed_at_random(scene, seed, 1 + seed % 12)


def hurt_at(scene: Scene, place: str, nth: int, by: signal.Signals) -> None:
    """It is replaced, the run goes on, and what was hurt is not left about."""
    machine = scene.machine()
    running = machine.start(hurt_at=(place, nth, by), environment=IMPATIENT)
    ended = running.wait()
    assert running.hurt is not None, "this place is never reached"
    assert ended.code == DONE, ended.stderr
    wait_until_gone(running.hurt)
    finish(scene, machine)


@pytest.mark.parametrize(
    ("place", "nth", "by"),
    [
        ("checkpoint-half-written", 1, signal.SIGKILL),
        ("commit-others-deleted", 2, signal.SIGKILL),
        ("checkpoint-snapshot", 2, signal.SIGSTOP),
    ],
)
def test_hurt_at_a_named_place(scene: Scene, place: str, nth: int, by: signal.Signals) -> None:
    hurt_at(scene, place, nth, by)


@pytest.mark.nightly
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("nth", range(1, 4))
@pytest.mark.parametrize("place", POINTS)
def test_hurt_at_every_named_place(scene: Scene, place: str, nth: int, by: signal.Signals) -> None:
    hurt_at(scene, place, nth, by)


@pytest.mark.nightly
def test_hurt_when_all_is_done(scene: Scene) -> None:
    """It cannot end by itself any more, and is not waited for in vain."""
    machine = scene.machine()
    assert machine.run().code == DONE
    running = machine.start(hurt_at=("checkpoint-saved", 1, signal.SIGSTOP), environment=IMPATIENT)
    check_ending(running.wait(), "no answer within 1 s")
    assert running.hurt is not None
    wait_until_gone(running.hurt)


# --- its command is killed -----------------------------------------------------


def orphaned(scene: Scene, seed: int, *, stopped: bool) -> None:
    """The owner ends with its last client; one that hangs is ended by the next start."""
    rng = random.Random(seed)
    machine = scene.machine()
    running = machine.start()
    pid = owner_of(machine, running)
    assert pid is not None
    if stopped:
        wait_for(machine, "*.ckpt.json")  # before, it has nothing open, and nobody misses it
    time.sleep(rng.uniform(0.0, 0.5) * scene.seconds)
    if stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    running.signal(signal.SIGKILL)
    assert running.wait().code in (-signal.SIGKILL, DONE)
    if stopped and machine.finished():  # it was quicker, and no start will come
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not stopped or machine.finished():
        wait_until_gone(pid)
    finish(scene, machine, **IMPATIENT)
    wait_until_gone(pid)


def test_its_command_is_killed(scene: Scene) -> None:
    orphaned(scene, 2, stopped=True)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(200, 250))
def test_its_command_is_killed_over_and_over(scene: Scene, seed: int) -> None:
    orphaned(scene, seed, stopped=seed % 2 == 0)


# --- its disk fills up ---------------------------------------------------------


def test_little_space_stops_the_run_before_the_disk_is_full(scene: Scene, disk: Path) -> None:
    machine = scene.machine()
    machine.folder = disk
    running = machine.start()
    wait_for(machine, "*.prev")  # something was done
    resize(disk, "400m")
    ended = running.wait()
    assert ended.code == UNAVAILABLE, ended.stderr
    error = ended.report["error"]
    assert error["kind"] == "disk-full"
    assert "MiB left" in error["message"]
    assert "make room" in error["hint"]
    again = machine.run()
    assert (again.code, again.report["error"]["kind"]) == (UNAVAILABLE, "disk-full")
    resize(disk, "1g")
    finish(scene, machine)
