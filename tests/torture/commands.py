"""The real command in processes of its own: started, killed, signalled, and looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pulse_cli

ROOT = Path(pulse_cli.__file__).parent.parent
CLEAN = {
    name: value for name, value in os.environ.items() if not name.startswith(("PULSE_", "WEBHOOK_"))
}


@dataclass(frozen=True)
class Ended:
    """How a command ended: `code` is negative for a signal; its JSON object if it printed one."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stdout.splitlines()[-1])
        return found


class Running:
    """A command under way in a zygote."""

    def __init__(self, pid: int, folder: Path, zygote: subprocess.Popen[str]) -> None:
        self.pid = pid
        self._folder = folder
        self._zygote = zygote
        self._began = time.monotonic()

    @property
    def contacted(self) -> set[str]:
        """What a watched command looked up or connected to, as Python wrote it."""
        return set((self._folder / "contacted").read_text().splitlines())

    @property
    def hurt(self) -> int | None:
        """The owner of the collection that was sent a signal, if the moment came."""
        file = self._folder / "hurt"
        return int(file.read_text()) if file.exists() else None

    def signal(self, number: int) -> None:
        """It may have ended; it stays a zombie until it is waited for."""
        os.kill(self.pid, number)

    def wait(self) -> Ended:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write("wait\n")
        self._zygote.stdin.flush()
        status = int(self._zygote.stdout.readline())
        out, err = ((self._folder / name).read_text() for name in ("stdout", "stderr"))
        code = os.waitstatus_to_exitcode(status)
        return Ended(code, out, err, time.monotonic() - self._began)


class Zygote:
    """Runs one command at a time. See `tests/torture/zygote.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=CLEAN,
        )
        self._count = 0

    def start(
        self,
        folder: Path,
        args: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        die_at: tuple[str, int] | None = None,
        hurt_at: tuple[str, int, int, str] | None = None,
        watched: bool = False,
    ) -> Running:
        self._count += 1
        said = folder / f"said-{self._count}"
        said.mkdir(parents=True)
        asked = {
            "args": list(args),
            "environment": dict(environment or {}),
            "folder": str(said),
            "die_at": die_at,
            "hurt_at": hurt_at,
            "watched": watched,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()), said, self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
