"""The messages for the user when a command fails."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import typer

from pulse_cli.cli.exit_codes import Exit, exit_of_error, with_exit_code
from pulse_cli.cli.layout import trouble, width_of
from pulse_cli.cli.streams import tell, write_stdout
from pulse_cli.errors import Fatal, Kind, PulseError, Transient


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """`kind` is for programs, `message` (several lines at most) and `hint` for people."""

    kind: Kind
    message: str
    hint: str

    @property
    def exit_code(self) -> Exit:
        return exit_of_error(self.kind)


def error_report_of(error: BaseException, args: Sequence[str] = ()) -> ErrorReport:
    """The report of an exception of any kind."""
    if isinstance(error, KeyboardInterrupt):
        return ErrorReport(Kind.INTERRUPTED, "interrupted", "")
    if isinstance(error, typer.TyperException):
        return ErrorReport(Kind.USAGE, _usage(error), _help_hint(error))
    if isinstance(error, Fatal):
        return ErrorReport(error.kind, str(error), error.hint)
    if isinstance(error, Transient):
        hint = "run the same command again when the service answers"
        return ErrorReport(Kind.UNAVAILABLE, str(error), hint)
    if isinstance(error, PulseError):
        return ErrorReport(Kind.REFUSED, str(error), "")
    if isinstance(error, MemoryError):
        return ErrorReport(Kind.MEMORY, "out of memory", "give pulse more, or stop others")
    return _bug(error, verbose="-vv" in args)


def complain(report: ErrorReport, args: Sequence[str] = ()) -> int:
    """Print the report on stderr (and with `--json` also as an object on stdout)."""
    tell("\n".join(trouble(report.message, report.hint, width_of())))
    if "--json" in args and args[0] == "index":
        from pulse_cli.app.summary_json import as_object, failed

        found = failed(report.kind, report.message, report.hint)
        with suppress(Fatal):  # stdout has no reader; the error is on stderr
            write_stdout(json.dumps(with_exit_code(as_object(found), report.exit_code)))
    return report.exit_code


def _usage(error: typer.TyperException) -> str:
    """The library's message, with the most similar option."""
    name = getattr(error, "option_name", None)
    text = error.format_message().rstrip(".")
    if name is None or not hasattr(error, "possibilities"):
        return text
    ctx = getattr(error, "ctx", None)
    known = [flag for param in ctx.command.params for flag in param.opts] if ctx else []
    meant = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"no such option: {name}" + (f"; did you mean {meant[0]}?" if meant else "")


def _help_hint(error: typer.TyperException) -> str:
    ctx = getattr(error, "ctx", None)
    return f"see `{ctx.command_path if ctx else 'pulse'} --help`"


def _bug(error: BaseException, *, verbose: bool) -> ErrorReport:
    """The report of a bug; with a traceback only at `-vv`, as it helps developers only."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" at {last[0].filename}:{last[0].lineno}" if last else ""
    message = f"this is a bug of pulse: {type(error).__name__}{place}"
    if verbose:
        message += "\n" + "".join(traceback.format_tb(error.__traceback__))
    hint = "please report it" + ("" if verbose else "; -vv shows where it came from")
    return ErrorReport(Kind.BUG, message, hint)
