"""Reads and counts the stored bytes of files, pipes and objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pulse_cli.errors import Fatal, Kind, SourceChanged
from pulse_cli.events import Waiting
from pulse_cli.model import Input
from pulse_cli.read.bytes.inputs import STDIN
from pulse_cli.read.bytes.unpack import CHUNK
from pulse_cli.read.objects.address import is_object
from pulse_cli.read.objects.ranges import Part
from pulse_cli.read.objects.reading import ObjectReader
from pulse_cli.read.options import ReadOptions


class InputReader:
    """Reads inputs one after another; `read` counts their bytes.

    One thread writes the count, and other threads may read it at any time.
    """

    def __init__(
        self,
        options: ReadOptions,
        stdin: BinaryIO | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stdin = stdin
        self._objects = ObjectReader(options, sleep, now)
        self.read = 0

    def waiting(self) -> Waiting | None:
        """The object that the reader waits for, if any. Can be called from any thread."""
        return self._objects.waiting()

    def expect(self, following: Sequence[Part]) -> None:
        """Say what will be read after the next call of `chunks`, to request objects early."""
        self._objects.expect([part for part in following if is_object(part.one.name)])

    def close(self) -> None:
        """Cancel the requests in flight. To be called in the thread that reads."""
        self._objects.close()

    def chunks(self, one: Input, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The stored bytes, at most CHUNK at a time; those of a pipe as soon as they come.

        Of a file or an object only the bytes from `start` up to `stop`. Raises SourceChanged,
        Fatal.
        """
        before, name = self.read, one.name
        try:
            if name == STDIN:
                yield from self._pipe()
            elif is_object(name):
                yield from self._object(one, start, stop)
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

    def _object(self, one: Input, start: int, stop: int | None) -> Iterator[bytes]:
        left = None if stop is None else stop - start
        for chunk in self._objects.chunks(one, start, stop):
            wanted = chunk if left is None else chunk[:left]
            self.read += len(wanted)
            yield wanted
            if left is not None:
                left -= len(wanted)
                if not left:
                    return

    def _pipe(self) -> Iterator[bytes]:
        import sys

        stdin = self._stdin or sys.stdin.buffer
        read = getattr(stdin, "read1", stdin.read)
        while chunk := read(CHUNK):
            self.read += len(chunk)
            yield chunk
