"""What a limiter hands out, and what it says of a request that failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to have one request in flight."""

    sent_at: float
    generation: int
    successes: int


@dataclass(frozen=True, slots=True)
class Failure:
    """`delay`: seconds until the next try. `alone`: nothing else was in flight."""

    delay: float
    alone: bool
    isolated: bool
