"""Standard output and standard error as pulse uses them.

Standard output carries results. Its reader may stop reading at any time (`pulse search x | head
-1`), which is not an error. A result that cannot be written (a full disk, a closed descriptor) is
an error of the command. Standard error carries messages for people. If they cannot be written,
the command goes on.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from pulse_cli.errors import Fatal

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_LACKING = "backslashreplace"
"""A character that the encoding of the terminal lacks is replaced: a title must not end a run."""


def open_standard_streams() -> None:
    """Set up `sys.stdout` and `sys.stderr` as the module says. Called once, at the start.

    If the caller has closed a descriptor (`pulse … >&-`), the null device takes its place.
    Otherwise the next file that is opened would get its number, and libuv aborts the process when
    a socket gets it.
    """
    for fd, mode in ((_STDIN, os.O_RDONLY), (_STDOUT, os.O_RDONLY), (_STDERR, os.O_WRONLY)):
        _fill(fd, mode)  # open for reading: writing fails, as on a closed descriptor
    buffer, encoding = _taken_over(sys.stdout, _STDOUT)
    sys.stdout = _Results(buffer, encoding, _LACKING)
    buffer, encoding = _taken_over(sys.stderr, _STDERR)
    sys.stderr = _Words(buffer, encoding, _LACKING, line_buffering=True)


def write_stdout(text: str) -> None:
    """Write a result and a newline. Raises Fatal where that is not possible."""
    print(text, flush=True)


def tell(text: str) -> None:
    """Write a message for people, and a newline."""
    print(text, file=sys.stderr, flush=True)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether `stream` is a terminal; False for a stream that is closed or was never open."""
    return stream is not None and not stream.closed and stream.isatty()


def abandon(stream: TextIO) -> None:
    """Drop what `stream` still holds and what is written to it later.

    Otherwise the interpreter would flush it again at exit, print an error, and exit with 120.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


class _Results(io.TextIOWrapper):
    """Standard output: raises Fatal where a result cannot be written."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            return self._failed(error, len(text))

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._failed(error, 0)

    def _failed(self, error: OSError, written: int) -> int:
        abandon(self)
        if isinstance(error, BrokenPipeError):
            return written
        raise Fatal(
            f"the result could not be written to standard output: {error.strerror or error}",
            hint="make room, or send the output somewhere else",
        ) from error


class _Words(io.TextIOWrapper):
    """Standard error: what cannot be written is dropped."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            abandon(self)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            abandon(self)


def _fill(fd: int, mode: int) -> None:
    try:
        os.fstat(fd)
    except OSError:
        with suppress(OSError):
            opened = os.open(os.devnull, mode)  # the lowest number that is free: this one
            os.set_inheritable(opened, True)


def _taken_over(stream: Any, fd: int) -> tuple[io.BufferedWriter, str]:
    """The bytes beneath a standard stream, and its encoding.

    Python has no stream where the descriptor was closed, and no buffer under `python -u`.
    """
    encoding = getattr(stream, "encoding", "utf-8")
    raw: Any = io.FileIO(fd, "wb", closefd=False) if stream is None else stream.detach()
    return raw if isinstance(raw, io.BufferedWriter) else io.BufferedWriter(raw), encoding
