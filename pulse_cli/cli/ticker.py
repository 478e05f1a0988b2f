"""One line of progress on a terminal, for commands that read or write many points.

It appears after a second, is drawn at most five times a second, and is removed at the end. Nothing
is shown if standard error is not a terminal.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from pulse_cli import numbers

FIRST_S, EVERY_S = 1.0, 0.2
_CLEAR = "\r\x1b[K"


class Ticker:
    """`with Ticker("copied", "points") as ticker: ticker.at(done, total)`."""

    def __init__(
        self,
        verb: str,
        what: str,
        stream: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verb, self._what = verb, what
        self._stream = sys.stderr if stream is None else stream
        self._now = now
        self._began = now()
        self._next = self._began + FIRST_S
        self._drawn = False

    def at(self, done: int, total: int | None = None) -> None:
        """Show that `done` of `total` are done."""
        now = self._now()
        if now < self._next or not self._stream.isatty():
            return
        self._next = now + EVERY_S
        self._drawn = True
        of = f" of {total:,}" if total is not None else ""
        rate = numbers.rate(done / max(now - self._began, 1e-9))
        text = f"{self._verb} {done:,}{of} {self._what}, {rate}/s"
        self._stream.write(_CLEAR + text)
        self._stream.flush()

    def __enter__(self) -> Ticker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()
