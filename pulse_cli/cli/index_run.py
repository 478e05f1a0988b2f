"""Runs `pulse index`: determines the sources, sets up observers, runs, and reports."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from pulse_cli.app.index import Job, index_sources, look_at_sources
from pulse_cli.app.loop import run, run_until_signal
from pulse_cli.app.notify import notify
from pulse_cli.app.summary_json import as_object
from pulse_cli.cli import dry_run
from pulse_cli.cli.command_line import search_command
from pulse_cli.cli.exit_codes import Exit, exit_of_error, exit_of_run, with_exit_code
from pulse_cli.cli.layout import trouble, width_of
from pulse_cli.cli.progress import Verbosity, speaks_json, watching
from pulse_cli.cli.streams import tell, write_stdout
from pulse_cli.cli.summary import as_line, as_page
from pulse_cli.errors import Fatal, Kind
from pulse_cli.ports import Observer

if TYPE_CHECKING:
    from pulse_cli.config import Loaded, Settings
    from pulse_cli.engine import Stop
    from pulse_cli.events import Summary

Work = Callable[["Settings", Job, Observer, "Stop"], Coroutine[Any, Any, "Summary"]]
"""One run from settings and job to its summary."""

_HINT = "name a file or folder, or pipe records in: see `pulse index --help`"


def sources_of(named: Sequence[str] | None) -> tuple[str, ...]:
    """The sources named, or the pipe on stdin. Raises Fatal (exit 2) where there is neither."""
    if named:
        if "-" in named and sys.stdin is None:
            raise _usage("standard input is closed")
        return tuple(named)
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise _usage("nothing to index")
    # Waits for the first byte: the pipe of a failed command must not count as an empty crawl.
    buffer: Any = sys.stdin.buffer
    try:
        is_empty = not buffer.peek(1)
    except OSError as error:
        raise _usage(f"standard input cannot be read: {error.strerror or error}") from error
    if is_empty:
        raise _usage("nothing to index: stdin is empty")
    return ("-",)


def run_index(
    loaded: Loaded, job: Job, verbosity: Verbosity, *, as_json: bool, work: Work = index_sources
) -> int:
    """Run, report, and return the exit code. Raises Fatal (exit 2) before anything is read."""
    settings = loaded.settings
    with watching(settings, verbosity, job.sources) as observer:
        summary = run_until_signal(lambda stop: work(settings, job, observer, stop))
    code = exit_of_run(summary)
    if not speaks_json(settings):
        _say(summary, loaded, verbosity, as_json=as_json)
    found = json.dumps(with_exit_code(as_object(summary), code))
    if as_json:
        try:
            write_stdout(found)
        except Fatal as error:
            tell("\n".join(trouble(str(error), error.hint, width_of())))
            code = code or exit_of_error(error.kind)
    if problem := run(notify(settings, found.encode())):
        tell("\n".join(trouble(f"run.notify: {problem}", "", width_of())))
    return int(code)


def _say(summary: Summary, loaded: Loaded, verbosity: Verbosity, *, as_json: bool) -> None:
    """Print the summary page on stderr, or only its last lines with `-q` or `--json`."""
    if verbosity.quiet and exit_of_run(summary) is Exit.OK:
        return
    brief = verbosity.quiet or as_json
    tell(as_line(summary) if brief else as_page(summary, search_command(loaded)))


def run_dry(loaded: Loaded, job: Job, verbosity: Verbosity, *, as_json: bool) -> int:
    """Say what indexing would do, and return the exit code. Raises Fatal."""
    settings = loaded.settings
    local = settings.embed.url == "local"
    with watching(settings, verbosity, job.sources) as observer:
        found = run_until_signal(lambda stop: look_at_sources(settings, job, observer, stop))
    if as_json:
        write_stdout(json.dumps(dry_run.as_object(found, local=local)))
    elif not verbosity.quiet:
        tell(dry_run.as_page(found, local=local))
    return dry_run.exit_code_of(found)


def _usage(message: str) -> Fatal:
    return Fatal(message, hint=_HINT, kind=Kind.USAGE)
