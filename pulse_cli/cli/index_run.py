"""`pulse index` at work: sources, observers, the run itself, and what is said of it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pulse_cli.app.index import Job, index_sources, look_at_sources
from pulse_cli.app.loop import run_until_signal
from pulse_cli.app.summary_json import as_object
from pulse_cli.cli import dry_run
from pulse_cli.cli.exit_codes import exit_of_run, with_exit_code
from pulse_cli.cli.metrics import MetricsFile
from pulse_cli.cli.progress import Verbosity, watching
from pulse_cli.cli.streams import tell, write_stdout
from pulse_cli.cli.summary import as_page
from pulse_cli.errors import Fatal, Kind
from pulse_cli.sanitize import mask_credentials

if TYPE_CHECKING:
    from pulse_cli.config import Loaded


def sources_of(named: Sequence[str] | None) -> tuple[str, ...]:
    """The sources named, or the pipe on stdin. Raises Fatal (exit 2) where there is neither."""
    if named:
        return tuple(named)
    hint = "name a file or folder, or pipe something in: see `pulse index --help`"
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise Fatal("nothing to index", hint=hint, kind=Kind.USAGE)
    # Waits for the first byte: a pipe from a failed command must not pass for an empty crawl.
    buffer: Any = sys.stdin.buffer
    if not buffer.peek(1):
        raise Fatal("nothing to index: stdin is empty", hint=hint, kind=Kind.USAGE)
    return ("-",)


def command_again(args: Sequence[str]) -> str:
    """The command line that goes on with this run."""
    once = {"--restart"}
    return mask_credentials(shlex.join(["pulse", *(arg for arg in args if arg not in once)]))


def run_index(loaded: Loaded, job: Job, verbosity: Verbosity, *, as_json: bool) -> int:
    """Run, report, and return the exit code."""
    settings = loaded.settings
    with watching(settings, verbosity) as watchers:
        file, collection = settings.run.metrics_file, settings.qdrant.collection
        observer = MetricsFile(file, collection, job.sources, watchers)
        summary = run_until_signal(lambda stop: index_sources(settings, job, observer, stop))
        code = exit_of_run(summary)
        observer.ended(summary, code)
    if as_json:
        write_stdout(json.dumps(with_exit_code(as_object(summary), code)))
    elif not verbosity.quiet or summary.error is not None:
        tell(as_page(summary, search_command(loaded)))
    return code


def run_dry(loaded: Loaded, job: Job, verbosity: Verbosity, *, as_json: bool) -> int:
    """Say what indexing would do, and return the exit code. Raises Fatal."""
    settings = loaded.settings
    local = settings.embed.url == "local"
    with watching(settings, verbosity) as observer:
        found = run_until_signal(lambda stop: look_at_sources(settings, job, observer, stop))
    if as_json:
        write_stdout(json.dumps(dry_run.as_object(found, local=local)))
    elif not verbosity.quiet:
        tell(dry_run.as_page(found, local=local))
    return dry_run.exit_code_of(found)


def search_command(loaded: Loaded) -> str:
    """How to search what was indexed: with the flags that named the services."""
    words = ["pulse", "search"]
    named = {"embed.url": loaded.settings.embed.url, "qdrant.url": loaded.settings.qdrant.url}
    named["qdrant.collection"] = loaded.settings.qdrant.collection
    for setting, value in named.items():
        flag = loaded.origins.get(setting, "")
        if flag.startswith("--") and value:
            words += [flag, value]
    return shlex.join(words) + ' "your words"'
