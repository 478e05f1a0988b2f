"""A running `pulse serve` in a process of its own, on the embedded store and a simulated TEI."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES

API_SECRET, WEBHOOK_SECRET = "a" * 32, "w" * 32
BEARER = {"authorization": f"Bearer {API_SECRET}"}
PATIENCE_S = 60.0


class Served:
    """One service: its folder outlives its process."""

    def __init__(self, folder: Path, tei: str) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._tei = tei
        self.qdrant = ""  # the embedded store in `folder`, unless this names a server
        self.environment = {
            "PULSE_SERVE__API_SECRET": API_SECRET,
            "PULSE_SERVE__WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, headers=BEARER, timeout=30.0)

    def start(self, **settings: str) -> None:
        """Start it, and wait until it answers. `serve__port` is the setting serve.port."""
        named = (f"--set={name.replace('__', '.')}={value}" for name, value in settings.items())
        self._process = self._spawn("serve", "--port", str(self.port), *named)
        self.until(lambda: self._answers())

    @property
    def log(self) -> str:
        """What it wrote, over all its starts."""
        return (self.folder / "log").read_text()

    @property
    def rss_bytes(self) -> int:
        """Memory of its process now."""
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def run(self, *command: str) -> int:
        """The exit code of another command on the same index and state folder."""
        return self._spawn(*command).wait(PATIENCE_S)

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        where = [
            *("--tei", self._tei, "--qdrant", self.qdrant or str(self.folder / "index")),
            *("--state-dir", str(self.folder / "state")),
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "pulse_cli", *command, *where],
                env=environment,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        assert self._process is not None
        self._process.send_signal(by)
        return self._process.wait(PATIENCE_S)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def close(self) -> None:
        self.client.close()
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @staticmethod
    def until(holds: Callable[[], bool]) -> None:
        """Wait until it holds; fails after a minute."""
        limit = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < limit, "it never came true"
            time.sleep(0.02)

    def result(self, job_id: str) -> dict[str, Any]:
        """The result of a job, once there is one."""
        states: list[dict[str, Any]] = [{}]

        def finished() -> bool:
            states[0] = self.client.get(f"/api/jobs/{job_id}").json()
            return states[0].get("status") in ("finished", "failed")

        self.until(finished)
        found: dict[str, Any] = states[0]["result"]
        return found


@pytest.fixture(scope="session")
def simulated_tei() -> Iterator[str]:
    with SpawnedSimulator("tei", PROFILES["instant"]) as server:
        yield server.url


@pytest.fixture
def simulated_qdrant() -> Iterator[str]:
    with SpawnedSimulator("qdrant") as server:
        yield server.url


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, simulated_tei: str) -> Iterator[Served]:
    """One service for the tests that do not end it."""
    service = Served(tmp_path_factory.mktemp("served"), simulated_tei)
    service.start()
    yield service
    service.close()


@pytest.fixture
def mortal(tmp_path: Path, simulated_tei: str) -> Iterator[Served]:
    """A service that a test may end; not started yet."""
    service = Served(tmp_path, simulated_tei)
    yield service
    service.close()
