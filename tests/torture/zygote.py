"""Starts `pulse` quickly, many times: everything is imported once, then forked.

Reads one JSON object per line: `args` of the command, `environment` to add, `folder` for
what it prints, perhaps `die_at` [fault point, n] where it kills itself by SIGKILL, `hurt_at`
[fault point, n, signal, folder] where it sends that to the owner of the collection in that
folder, and perhaps `watched`: then every address it looks up or connects to is written to
`contacted`.
Answers with the process id at once, and after another line with its status (as of waitpid)
when it has ended; until then its id belongs to nobody else, so it may be signalled safely.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pulse_cli.app.index
import pulse_cli.cli.index_run
import pulse_cli.embed.tei
import pulse_cli.engine.run
import pulse_cli.prepare.chunker
import pulse_cli.read
import pulse_cli.store.edge.store
import pulse_cli.store.qdrant.store
from pulse_cli.cli.app import run
from pulse_cli.config import load
from pulse_cli.engine.fault_points import set_fault_hook
from tests.torture.edge_world import edge_owner

CHECKPOINT_SECONDS, TICK_SECONDS = 0.05, 0.02


def die_at(name: str, nth: int) -> None:
    passed: Counter[str] = Counter()

    def hook(place: str) -> None:
        passed[place] += 1
        if place == name and passed[place] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    set_fault_hook(hook)


def hurt_at(name: str, nth: int, by: int, collection: str, folder: Path) -> None:
    """Send signal `by` to the owner of the collection; its id is written to `hurt`."""
    passed: Counter[str] = Counter()

    def hook(place: str) -> None:
        passed[place] += 1
        if place == name and passed[place] == nth and (pid := edge_owner(Path(collection))):
            (folder / "hurt").write_text(str(pid))
            os.kill(pid, by)

    set_fault_hook(hook)


def watch(folder: Path) -> None:
    """Python tells its audit hooks of every connection; libuv would not."""
    sys.modules["uvloop"] = None  # type: ignore[assignment]
    file = os.open(folder / "contacted", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            os.write(file, f"{args[1]!r}\n".encode())
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            os.write(file, f"{args[0]!r}\n".encode())

    sys.addaudithook(hook)


def child(asked: dict[str, Any]) -> int:
    os.environ.update(asked["environment"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(Path(asked["folder"]) / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Often enough that a run of a second has many; what is tested is their order, not the pace.
    pulse_cli.engine.run.CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
    pulse_cli.engine.run.TICK_SECONDS = TICK_SECONDS
    if asked.get("watched"):
        watch(Path(asked["folder"]))
    if asked.get("die_at"):
        die_at(*asked["die_at"])
    if asked.get("hurt_at"):
        place, nth, by, collection = asked["hurt_at"]
        hurt_at(place, nth, by, collection, Path(asked["folder"]))
    return run(asked["args"])


def main() -> None:
    load({})
    while line := sys.stdin.readline():
        asked = json.loads(line)
        for name in ("stdout", "stderr"):
            (Path(asked["folder"]) / name).touch()
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                code = child(asked)
                sys.stdout.flush()
            finally:
                os._exit(code)
        print(pid, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        print(status, flush=True)


if __name__ == "__main__":
    main()
