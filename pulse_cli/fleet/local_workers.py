"""Workers of one command, as processes of this machine.

They get settings and secrets over their standard input, which no other process can read, and end
when it ends: none outlives the command that started it, however that ended. One that dies is
replaced, up to a number of times.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.errors import Fatal, Kind
from pulse_cli.wiring import secret

if TYPE_CHECKING:
    from pulse_cli.config import Settings

END_SECONDS = 10.0
MOST_DEATHS = 5  # for each worker


class LocalWorkers:
    """`number` workers of a queue. Blocking."""

    def __init__(self, settings: Settings, address: str, number: int, name: str) -> None:
        self._start = json.dumps({"settings": _with_secrets(settings), "queue": address}).encode()
        self._number = number
        self._name = name
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._dead: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix="pulse-workers-")

    def start(self) -> None:
        while len(self._processes) < self._number:
            self._spawn()

    def replace_dead(self) -> Sequence[str]:
        """Start others for those that have died; the names of all that ever died.

        Raises Fatal where they die again and again.
        """
        for name, process in list(self._processes.items()):
            code = process.poll()
            if code is not None:
                del self._processes[name]
                self._dead.append(name)
                if len(self._dead) > MOST_DEATHS * self._number:
                    raise Fatal(
                        f"the workers die again and again; the last one ended with {code}:"
                        f" {self._last_words(name)}",
                        hint="run the same command without --workers to see more",
                        kind=Kind.FAILED,
                    )
                self._spawn()
        return self._dead

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes.values()]

    def close(self) -> None:
        """End them at once; a job that one of them has in hand is for another start."""
        for process in self._processes.values():
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
        for process in self._processes.values():
            try:
                process.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:  # frozen
                process.kill()
                process.wait()
        self._processes.clear()
        self._folder.cleanup()

    def _spawn(self) -> None:
        name = f"{self._name}-{len(self._dead) + len(self._processes) + 1}"
        # What the environment sets is in the settings, and must not outrank what a flag said.
        environment = {one: value for one, value in os.environ.items() if one[:6] != "PULSE_"}
        with self._log(name).open("wb") as said:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-m", "pulse_cli.fleet.local_worker", name],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the coordinator
            )
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(self._start + b"\n")
            process.stdin.flush()
        self._processes[name] = process

    def _log(self, name: str) -> Path:
        return Path(self._folder.name) / name

    def _last_words(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "nothing was said")


def _with_secrets(settings: Settings) -> dict[str, Any]:
    """All settings that were set, as `Settings` reads them."""
    from pulse_cli.config.tree import leaves

    tree = settings.model_dump(mode="json", exclude_unset=True)
    for leaf in leaves():
        if leaf.secret:
            section, key = leaf.path
            value = secret(getattr(getattr(settings, section), key))
            if value is not None:
                tree.setdefault(section, {})[key] = value
    return tree
