"""A simulated service in a process of its own, so that its CPU time is not the pipeline's.

The child ends when its standard input does, so none outlives a parent that is killed; it
has a session of its own, so Ctrl-C at the terminal does not take the services away while
the pipeline still drains.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from pulse_cli.errors import Fatal
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.profiles import Profile


class SpawnedSimulator:
    """Starts at once; `url` is where it listens. Blocking; use `with`, or `close` it."""

    def __init__(
        self, kind: str, profile: Profile, *, port: int = 0, folder: Path | None = None
    ) -> None:
        """`kind` is `tei` or `qdrant`; `folder` is where a Qdrant keeps its points.

        Raises Fatal where the process does not come up.
        """
        command = [sys.executable, "-m", "pulse_cli.simulators", kind]
        command += [json.dumps(profile.as_json()), "--child", "--port", str(port)]
        command += ["--folder", str(folder)] if folder else []
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            code = self._process.wait()
            raise Fatal(f"the simulated {kind} did not start (exit {code})", kind="simulator")
        self._client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def stats(self) -> dict[str, Any]:
        value: dict[str, Any] = self._client.get("/_sim/stats").raise_for_status().json()
        return value

    def reset(self) -> None:
        """Set the counters of `stats` to zero."""
        self._client.post("/_sim/reset").raise_for_status()

    def set_faults(self, faults: Iterable[Fault], seed: int = 0) -> None:
        body = {"faults": [fault.as_json() for fault in faults], "seed": seed}
        self._client.post("/_sim/faults", json=body).raise_for_status()

    def kill(self) -> None:
        """As `kill -9`: no goodbye. Start another on the same port to bring it back."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        self._client.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
