"""The command line under test: run in this process, or as the program it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.cli.app import run
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Pulse = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with no settings, no index and no state, in an empty working folder."""
    for name in list(os.environ):
        if name.startswith(("PULSE_", "WEBHOOK_", "FIRECRAWL_", "XDG_", "AWS_")):
            monkeypatch.delenv(name)
    for kind in ("DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path


@pytest.fixture
def pulse(home: Path, capsys: pytest.CaptureFixture[str]) -> Pulse:
    """`pulse("index", "x.jsonl")` runs in this process."""

    def call(*args: str) -> Ran:
        code = run(list(args))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture
def program(home: Path) -> Pulse:
    """The same as a process: `program("index", stdin=b"…", env={…})`."""

    def call(*args: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "pulse_cli", *args],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env={**os.environ, **(env or {})},
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture(scope="session")
def tei() -> Iterator[str]:
    """The address of a simulated TEI without delays."""
    with SpawnedSimulator("tei", PROFILES["instant"]) as simulator:
        yield simulator.url


@pytest.fixture
def slow_tei() -> Iterator[str]:
    """The same, but so slow that there is time to look at the display."""
    with SpawnedSimulator("tei", PROFILES["instant"]) as simulator:
        simulator.set_faults([Fault("slow", path="/embed", seconds=1.0)])
        yield simulator.url


@pytest.fixture(scope="session")
def handbook() -> Path:
    return ROOT / "fixtures" / "handbook.jsonl"


@pytest.fixture
def crawl(home: Path) -> Path:
    """Three small pages, one of them broken, as a file in the working folder."""
    pages = [
        {"markdown": "# Tea\n\nWater first, then leaves.", "metadata": meta("tea", "Tea")},
        {"markdown": "# Soup\n\nOnions, slowly.", "metadata": meta("soup", "Soup \x1b[31mred")},
    ]
    path = home / "work" / "crawl.jsonl"
    path.write_text("".join(json.dumps(page) + "\n" for page in pages) + '{"markdown": \n')
    return path


def meta(name: str, title: str) -> dict[str, Any]:
    url = f"https://kitchen.example/{name}"
    return {"url": url, "sourceURL": url, "title": title, "statusCode": 200, "language": "en"}
