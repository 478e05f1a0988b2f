"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pulse_cli.errors import Fatal, PulseError

Level: TypeAlias = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` names what was checked; `mend` says how to fix it, "" if nothing is wrong."""

    check: str
    level: Level
    message: str
    mend: str = ""


def ok(check: str, message: str) -> Finding:
    return Finding(check, "ok", message)


def warning(check: str, message: str, mend: str) -> Finding:
    return Finding(check, "warning", message, mend)


def error(check: str, message: str, mend: str) -> Finding:
    return Finding(check, "error", message, mend)


def of_error(check: str, problem: PulseError) -> Finding:
    """The finding for an error that ended a check."""
    hint = problem.hint if isinstance(problem, Fatal) else ""
    return error(check, str(problem), hint or "check that the service runs")
