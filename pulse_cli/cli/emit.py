"""Results on stdout, whose reader may leave at any time (`pulse search x | head -1`)."""

from __future__ import annotations

import os
import sys


def emit(text: str) -> None:
    """Write a result and a newline. That nobody reads it any more is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Else the interpreter would try to flush once more at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
