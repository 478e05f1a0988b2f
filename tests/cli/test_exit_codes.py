"""The exit code of every way in which a command can end."""

from __future__ import annotations

import pytest

from pulse_cli.cli.exit_codes import Exit, exit_of_error, exit_of_record, exit_of_run
from pulse_cli.engine.progress.run_log import record_of
from pulse_cli.errors import Fatal, Kind, Locked, NoIndex, PruneRefused, SourceChanged, Unavailable
from pulse_cli.events import Counts, Problem, Summary, Target


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Fatal("x"), Exit.FATAL),
        (Fatal("x", kind=Kind.USAGE), Exit.USAGE),
        (Fatal("x", kind=Kind.CONFIG), Exit.USAGE),
        (Fatal("x", kind=Kind.CHECKPOINT), Exit.REFUSED),
        (NoIndex("x"), Exit.FATAL),
        (Locked("x"), Exit.LOCKED),
        (SourceChanged("x"), Exit.REFUSED),
        (PruneRefused("x"), Exit.REFUSED),
        (Unavailable("x"), Exit.UNAVAILABLE),
        (Unavailable("x", kind=Kind.DISK_FULL), Exit.UNAVAILABLE),
    ],
)
def test_of_an_error(error: Fatal, code: Exit) -> None:
    assert exit_of_error(error.kind) is code


RUNS = [
    ("complete", "", False, None, Exit.OK),
    ("complete", "", True, None, Exit.DEAD_LETTERS),
    ("complete", "", True, Kind.PRUNE_REFUSED, Exit.REFUSED),
    ("interrupted", "SIGINT", True, None, Exit.INTERRUPTED),
    ("interrupted", "SIGTERM", False, None, Exit.TERMINATED),
    ("interrupted", "", False, None, Exit.OK),  # --limit
    ("failed", "SIGTERM", True, Kind.UNAVAILABLE, Exit.UNAVAILABLE),
]


@pytest.mark.parametrize(("status", "signal", "dead", "kind", "code"), RUNS)
def test_of_a_run_and_of_its_record(
    status: str, signal: str, dead: bool, kind: Kind | None, code: Exit
) -> None:
    """An error outranks a signal, and a signal outranks dead letters."""
    summary = Summary(
        run_id="r",
        status=status,  # type: ignore[arg-type]
        stopped_by=signal,
        sources=(),
        target=Target("local", "", "", 0),
        counts=Counts(dead={"x": 1} if dead else {}),
        error=Problem(kind, "x", "") if kind else None,
    )
    assert exit_of_run(summary) is code
    assert exit_of_record(record_of(summary, 0.0, 1.0)) is code
