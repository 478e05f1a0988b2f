"""How often requests fail at present, and how many failures in a row are improbable then.

If a share p of all requests fails, a request like the others fails n times in a row with
probability p**n. Only where that is improbable is the request itself the cause of its failures.
"""

from __future__ import annotations

import math

IMPROBABLE = 1e-6
LEAST_RATE = 0.02  # four failures in a row suffice where no other request fails
MOST_RATE = 0.9
_MEMORY = 0.98  # of each request for the next: the rate is that of about the last 50 requests


class FailureRate:
    """The share of recent requests that failed.

    Only the first attempt of a request is counted. Counting repeats would raise the rate, because
    only requests that failed are repeated.
    """

    def __init__(self) -> None:
        self._failed = 0.0
        self._all = 0.0

    def note(self, *, failed: bool) -> None:
        """Count one request."""
        self._failed = self._failed * _MEMORY + failed
        self._all = self._all * _MEMORY + 1.0

    def failures_to_blame(self) -> int:
        """Failures in a row that happen with a probability of at most IMPROBABLE; 4 to 132.

        The first failure of the request in question is left out. Few requests prove little, so
        the rate is Laplace's estimate: (failed + 1) / (all + 2).
        """
        others, failed = max(0.0, self._all - 1), max(0.0, self._failed - 1)
        rate = min(max((failed + 1) / (others + 2), LEAST_RATE), MOST_RATE)
        return math.ceil(math.log(IMPROBABLE) / math.log(rate) - 1e-9)
