"""How long a service that gives no answer is asked again, and how far apart.

The pauses double, from a quarter of a second, unless the service asks for another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pulse_cli.errors import Transient

FIRST_S, LONGEST_S = 0.25, 15.0


class Patience:
    """For one request and its repetitions. `seconds` is the time from now to giving up."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.last_error = ""
        self._now = now
        self._began = now()
        self._next = FIRST_S

    @property
    def waited_s(self) -> float:
        return self._now() - self._began

    @property
    def left_s(self) -> float:
        return max(0.0, self.seconds - self.waited_s)

    def pause(self, error: Transient) -> float | None:
        """Seconds to the next try, the last of them just before the end; None to give up."""
        self.last_error = str(error)
        if self.left_s <= 0.0:
            return None
        wished = self._next if error.retry_after is None else error.retry_after
        self._next = min(2 * self._next, LONGEST_S)
        return min(wished, self.left_s)
