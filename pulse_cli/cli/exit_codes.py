"""Exit codes: which one a command ends with, and their meaning as the documentation gives it.

Only this module knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from pulse_cli.errors import Kind

if TYPE_CHECKING:
    from pulse_cli.events import Summary


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FATAL = 1
    USAGE = 2
    DEAD_LETTERS = 3
    REFUSED = 4
    LOCKED = 11
    UNAVAILABLE = 75
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    Exit.OK: "All done.",
    Exit.FATAL: "Stopped; the message says why and what to do.",
    Exit.USAGE: "Wrong flags or settings, a source that is missing or holds nothing to index.",
    Exit.DEAD_LETTERS: "Done, but some records are dead letters or a source was cut off.",
    Exit.REFUSED: "Refuses to resume (input, settings or checkpoint changed) or to prune.",
    Exit.LOCKED: "Another run uses these sources or this index.",
    Exit.UNAVAILABLE: "A service is down or a disk full; the same command goes on later.",
    Exit.INTERRUPTED: "Stopped by Ctrl-C; the same command goes on.",
    Exit.TERMINATED: "Stopped by SIGTERM; the same command goes on.",
}

#: Kinds of error that are not listed end with 1.
_OF_KIND = {
    **dict.fromkeys(
        (Kind.USAGE, Kind.CONFIG, Kind.MISSING_SOURCE, Kind.NOTHING_TO_INDEX), Exit.USAGE
    ),
    Kind.SOURCE_CHANGED: Exit.REFUSED,
    Kind.SETTINGS_CHANGED: Exit.REFUSED,
    Kind.CHECKPOINT: Exit.REFUSED,
    Kind.PRUNE_REFUSED: Exit.REFUSED,
    Kind.LOCKED: Exit.LOCKED,
    Kind.UNAVAILABLE: Exit.UNAVAILABLE,
    Kind.DISK_FULL: Exit.UNAVAILABLE,
    Kind.INDEX_CHANGED: Exit.UNAVAILABLE,
    Kind.INDEX_GONE: Exit.UNAVAILABLE,
    Kind.STORE_DIED: Exit.UNAVAILABLE,
    Kind.INTERRUPTED: Exit.INTERRUPTED,
}
_OF_SIGNAL = {"": Exit.OK, "SIGTERM": Exit.TERMINATED}


def exit_of_error(kind: Kind) -> Exit:
    """The exit code of a command that an error of this kind ended."""
    return _OF_KIND.get(kind, Exit.FATAL)


def exit_of_run(summary: Summary) -> Exit:
    """The exit code of a run. An error outranks a signal, a signal outranks dead letters."""
    kind = summary.error.kind if summary.error else None
    return _exit(kind, summary.status, bool(summary.counts.dead), summary.stopped_by)


def exit_of_record(record: Mapping[str, Any]) -> Exit:
    """The exit code of a run in the log of runs."""
    kind = Kind(record["error"]["kind"]) if record["error"] else None
    dead = bool(record["counts"]["dead"])
    return _exit(kind, record["status"], dead, record["stopped_by"])


def with_exit_code(found: Mapping[str, Any], code: Exit) -> dict[str, Any]:
    """An object about a run with its `exit_code`, after its `status`."""
    items = list(found.items())
    at = list(found).index("status") + 1
    return dict([*items[:at], ("exit_code", int(code)), *items[at:]])


def _exit(kind: Kind | None, status: str, dead: bool, stopped_by: str) -> Exit:
    if kind is not None:
        return exit_of_error(kind)
    if status == "complete":
        return Exit.DEAD_LETTERS if dead else Exit.OK
    return _OF_SIGNAL.get(stopped_by, Exit.INTERRUPTED)
