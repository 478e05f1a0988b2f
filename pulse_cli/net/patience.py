"""How long requests to a failing service are repeated, and after which pauses.

The pauses double, from a quarter of a second, unless the service asks for another pause.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pulse_cli.errors import Transient

FIRST_S, LONGEST_S = 0.25, 15.0


class Patience:
    """The pauses of one request. `seconds` is the time from now until it is given up."""

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
        """Seconds to the next try; None to give up. The last try is just before the end."""
        self.last_error = str(error)
        if self.left_s <= 0.0:
            return None
        wished = self._next if error.retry_after is None else error.retry_after
        self._next = min(2 * self._next, LONGEST_S)
        return min(wished, self.left_s)
