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

import orjson

from pulse_cli.errors import Fatal, Kind
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.blocking import connection
from pulse_cli.net.client import Client
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.profiles import PROFILES, Profile


class SpawnedSimulator:
    """Starts at once; `url` is where it listens. Blocking; use `with`, or `close` it."""

    def __init__(
        self,
        kind: str,
        profile: Profile = PROFILES["instant"],
        *,
        port: int = 0,
        folder: Path | None = None,
    ) -> None:
        """`kind` is `tei`, `qdrant` or `firecrawl`; `folder` is where a Qdrant keeps its points.

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
            raise Fatal(f"the simulated {kind} did not start (exit {code})", kind=Kind.BENCH)
        address = Address.parse(self.url, Peer(f"the simulated {kind}", "its address", "its key"))
        self._connect = lambda: Client(address, timeout=30)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def stats(self) -> dict[str, Any]:
        value: dict[str, Any] = self._ask("GET", "stats")
        return value

    def reset(self) -> None:
        """Set the counters of `stats` to zero."""
        self._ask("POST", "reset")

    def set_faults(self, faults: Iterable[Fault], seed: int = 0) -> None:
        self._ask("POST", "faults", {"faults": [fault.as_json() for fault in faults], "seed": seed})

    def _ask(self, method: str, what: str, body: Any = None) -> Any:
        with connection(self._connect) as ask:
            answer = ask(method, f"/_sim/{what}", body and orjson.dumps(body))
        if answer.status != 200:
            raise Fatal(f"{answer.sender.shown} refuses: {answer.said()}", kind=Kind.BENCH)
        return answer.json()

    def kill(self) -> None:
        """As `kill -9`: no goodbye. Start another on the same port to bring it back."""
        self._process.kill()
        self.close()

    def close(self) -> None:
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
