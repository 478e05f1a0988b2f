"""Stored bytes of files and pipes, counted as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pulse_cli.errors import Fatal, Kind, SourceChanged
from pulse_cli.read.bytes.inputs import STDIN
from pulse_cli.read.bytes.unpack import CHUNK


class InputReader:
    """Reads inputs one after another; `read` counts their bytes.

    The count is one integer written by one thread, so others may look at it at any time.
    """

    def __init__(self, stdin: BinaryIO | None) -> None:
        self._stdin = stdin
        self.read = 0

    def chunks(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """What is there, at most CHUNK at a time; a pipe is passed on as it trickles.

        Of a file only the bytes from `start` up to `stop`. Raises SourceChanged, Fatal.
        """
        before = self.read
        try:
            if name == STDIN:
                yield from self._pipe()
            else:
                yield from self._file(name, start, stop)
        except FileNotFoundError as error:
            raise SourceChanged(
                f"{name} is gone",
                hint="put it back, or start anew with --restart",
            ) from error
        except OSError as error:
            raise Fatal(
                f"{name} cannot be read after byte {self.read - before:,}: {error.strerror}",
                hint="run the same command again to go on when it can be read",
                kind=Kind.UNREADABLE_SOURCE,
            ) from error

    def _file(self, name: str, start: int, stop: int | None) -> Iterator[bytes]:
        left = None if stop is None else stop - start
        with Path(name).open("rb", buffering=0) as file:
            if start:
                file.seek(start)
            while chunk := file.read(CHUNK if left is None else min(CHUNK, left)):
                self.read += len(chunk)
                if left is not None:
                    left -= len(chunk)
                yield chunk

    def _pipe(self) -> Iterator[bytes]:
        import sys

        stdin = self._stdin or sys.stdin.buffer
        read = getattr(stdin, "read1", stdin.read)
        while chunk := read(CHUNK):
            self.read += len(chunk)
            yield chunk
