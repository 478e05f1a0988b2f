"""The command line: the only package that uses typer and rich, and ends the process.

Importing this package loads neither of them. Each command imports what it needs when it runs, so
that `pulse --help` answers at once.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run `pulse` with the arguments of the process and exit with its code."""
    from pulse_cli.cli.streams import open_standard_streams

    open_standard_streams()
    from pulse_cli.cli.app import run

    sys.exit(run(sys.argv[1:]))
