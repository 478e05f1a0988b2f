"""Asking before something is removed."""

from __future__ import annotations

import sys

from pulse_cli.cli.streams import is_terminal
from pulse_cli.errors import Fatal, Kind


def confirmed(question: str) -> bool:
    """The answer on the terminal. Raises Fatal (exit 2) where nobody can be asked."""
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise Fatal(
            "nothing was removed, for nobody can be asked", hint="--yes removes it", kind=Kind.USAGE
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
