"""Turns ages as people write them (`30d`, `12h`) into moments in the past."""

from __future__ import annotations

import time
from collections.abc import Callable

from pulse_cli.config.units import parse_duration
from pulse_cli.engine.clock import rfc3339
from pulse_cli.errors import Fatal, Kind


def seconds_before(flag: str, age: str, now: Callable[[], float] = time.time) -> float:
    """The moment `age` ago, in seconds since 1970. Raises Fatal (exit 2) that names the flag."""
    try:
        return now() - parse_duration(age)
    except ValueError as error:
        raise Fatal(f"{flag}: {error}", kind=Kind.USAGE) from None


def moment_before(flag: str, age: str, now: Callable[[], float] = time.time) -> str:
    """The same in RFC 3339, UTC, as payloads hold it."""
    return rfc3339(max(seconds_before(flag, age, now), 0.0))
