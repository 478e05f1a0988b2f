"""Tables of names and texts in two columns, for wide and narrow terminals.

Text is broken between words only, so that a path or a command can be copied. In a pipe or a log
it is not broken at all.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TextIO

from pulse_cli import numbers
from pulse_cli.events import Waiting
from pulse_cli.sanitize import sanitize

NAME = 11
ENDLESS = 1_000_000


def width_of(stream: TextIO | None = None) -> int:
    """Columns of the terminal at `stream` (default: stderr); practically unlimited elsewhere."""
    stream = sys.stderr if stream is None else stream
    return shutil.get_terminal_size().columns if stream.isatty() else ENDLESS


def rows(pairs: Iterable[tuple[str, str]], width: int) -> list[str]:
    """The lines of a table of names and texts, made safe to print."""
    return [
        line
        for name, text in pairs
        for line in broken(f"  {name:<{NAME - 1}} {sanitize(text)}".rstrip(), width, 2 + NAME)
    ]


def broken(line: str, width: int, indent: int) -> list[str]:
    """`line` broken into several if it is too long, all but the first indented."""
    if len(line) <= width:
        return [line]
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def waiting(event: Waiting) -> str:
    """A line that says what is waited for, since when, until when, and why."""
    left = numbers.duration(event.left_s)
    how_long = f"{numbers.duration(event.waited_s)} so far, gives up in {left}"
    return f"waiting for {event.what} ({how_long}): {event.error or 'no answer yet'}"


def trouble(message: str, hint: str, width: int) -> list[str]:
    """The lines of an error: what happened, then what to do."""
    first, *more = [sanitize(line) for line in message.splitlines()] or ["failed"]
    lines = [f"pulse: {first}", *(f"       {line}" for line in more)]
    if hint:
        lines.append(f"       {sanitize(hint)}")
    return [part for line in lines for part in broken(line, width, len("pulse: "))]
