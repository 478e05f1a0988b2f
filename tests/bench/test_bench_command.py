"""`pulse bench` from the command line: real pipeline, real processes, real TCP, a few pages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES

QUICK = ("--quick", "--documents", "12", "--chars", "600")


def environment(folder: Path) -> dict[str, str]:
    """Nothing of whoever runs the tests."""
    keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**keep, "HOME": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}


def pulse(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pulse_cli", "bench", *args]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True
    )


@pytest.fixture
def tei() -> Iterator[SpawnedSimulator]:
    with SpawnedSimulator("tei", PROFILES["instant"]) as simulator:
        yield simulator


@pytest.fixture
def qdrant() -> Iterator[SpawnedSimulator]:
    with SpawnedSimulator("qdrant", PROFILES["instant"]) as simulator:
        yield simulator


@pytest.mark.begun_first
def test_a_report_has_all_figures_and_can_be_compared(tmp_path: Path) -> None:
    saved, page = tmp_path / "report.json", tmp_path / "report.html"
    done = pulse(
        tmp_path, *QUICK, "--json", "--rerun", "--baseline", "sequential", "--dimension", "8",
        "--save", str(saved), "--html", str(page),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads(saved.read_text())
    profile = report["profiles"]["l4"]
    assert profile["documents"] == 12
    assert profile["chunks"] >= 12
    assert 0 < profile["efficiency"] <= 1
    assert profile["ceiling"]["chunks_per_s"] > profile["rates"]["chunks_per_s"] > 0
    assert profile["bottleneck"]["change"]
    assert profile["baseline"][0]["documents"] > 0
    assert profile["speedup"] > 1
    assert profile["rerun"]["chunks"] == 0
    _is_self_contained(page.read_text())
    _is_compared(tmp_path, report)


def _is_self_contained(html: str) -> None:
    assert html.startswith("<!doctype html>")
    assert "<svg" in html
    assert not any(sign in html for sign in ("<script", "<link", "src=", "@import", "url("))


def _is_compared(folder: Path, report: dict[str, Any]) -> None:
    """With a report of a machine that never was; everything is slower than that."""
    report["profiles"]["l4"]["rates"]["chunks_per_s"] *= 1e6
    before = folder / "before.json"
    before.write_text(json.dumps(report))
    worse = pulse(folder, *QUICK, "--against", str(before))
    assert worse.returncode == 1, worse.stderr
    assert "worse" in worse.stdout
    lenient = pulse(folder, *QUICK, "--against", str(before), "--threshold", "10000000%")
    assert lenient.returncode == 0, lenient.stderr


def test_bare_and_disturbed_runs_index_everything(tmp_path: Path) -> None:
    done = pulse(tmp_path, *QUICK, "--json", "--profile", "instant", "--bare", "--disturbed")
    assert done.returncode == 0, done.stderr
    profile = json.loads(done.stdout)["profiles"]["instant"]
    assert profile["documents"] == 12
    assert profile["ceiling"] is None
    assert profile["efficiency"] is None
    assert profile["fill"] > 0.2  # texts that are refused for their length would travel alone


def test_stages_alone(tmp_path: Path) -> None:
    read = pulse(tmp_path, *QUICK, "--json", "--stage", "read")
    assert read.returncode == 0, read.stderr
    found = json.loads(read.stdout)["stage"]["read"]
    assert [found[name]["records"] for name in ("jsonl", "one_object", "resume")] == [12, 12, 0]
    prepare = pulse(tmp_path, *QUICK, "--json", "--stage", "prepare")
    assert prepare.returncode == 0, prepare.stderr
    found = json.loads(prepare.stdout)["stage"]["prepare"]
    assert found["over_limit"] == 0
    assert found["exact"]["chunks"] >= found["exact"]["pulse_chunks"] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        ("--profile", "warp"),
        ("--baseline", "gather:0"),
        ("--sweep", "colour=red"),
        ("--stage", "embed"),
        ("--threshold", "much"),
        ("--corpus", "missing.jsonl"),
    ],
)
def test_what_cannot_be_measured_is_a_usage_error(tmp_path: Path, wrong: tuple[str, str]) -> None:
    done = pulse(tmp_path, "--quick", *wrong)
    assert done.returncode == 2, done.stderr
    assert wrong[1] in done.stderr
    assert "Traceback" not in done.stderr


def test_live_measures_and_leaves_nothing_behind(
    tmp_path: Path, tei: SpawnedSimulator, qdrant: SpawnedSimulator
) -> None:
    done = pulse(
        tmp_path, *QUICK, "--live", "--tei", tei.url, "--qdrant", qdrant.url, "--json"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["profiles"]["live"]["documents"] == 12
    assert qdrant.stats()["points"] > 0
    assert qdrant.stats()["stored"] == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_cut_short_leaves_nothing_behind(
    tmp_path: Path, tei: SpawnedSimulator, qdrant: SpawnedSimulator, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "pulse_cli", "bench", "--live", "--seconds", "60"]
    command += ["--documents", "20", "--tei", tei.url, "--qdrant", qdrant.url]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stderr=subprocess.DEVNULL
    )
    while not any(qdrant.stats()["stored"].values()):
        assert running.poll() is None
    running.send_signal(number)
    assert running.wait(30) == 128 + number
    assert qdrant.stats()["stored"] == {}


def test_live_that_fails_leaves_nothing_behind(
    tmp_path: Path, tei: SpawnedSimulator, qdrant: SpawnedSimulator
) -> None:
    from pulse_cli.simulators.faults import Fault

    qdrant.set_faults([Fault("status", path="/collections", method="PUT", marker="points")])
    done = pulse(
        tmp_path, *QUICK, "--live", "--tei", tei.url, "--qdrant", qdrant.url,
        "--set", "run.give_up_after=1s",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert qdrant.stats()["stored"] == {}
