"""Results on stdout, whose reader may leave at any time (`pulse search x | head -1`)."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def write_stdout(text: str) -> None:
    """Write a result and a newline. That nobody reads it any more is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        abandon(sys.stdout)


def tell(text: str) -> None:
    """Write words for people to stderr. That they reach nobody is no error."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        abandon(sys.stderr)


def abandon(stream: TextIO) -> None:
    """Let what `stream` still holds, and what is written to it later, go nowhere.

    Else the interpreter would try to flush once more at exit, complain, and exit with 120.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
