"""Asks the user before something is removed."""

from __future__ import annotations

import sys

from pulse_cli.cli.streams import is_terminal
from pulse_cli.errors import Fatal, Kind


def confirmed(question: str) -> bool:
    """The answer on the terminal. Raises Fatal (exit 2) where there is no terminal."""
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise Fatal(
            "nothing was removed: there is no terminal to ask on",
            hint="--yes removes it without a question",
            kind=Kind.USAGE,
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
