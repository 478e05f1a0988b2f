"""`pulse copy`: copies a collection to another place."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.streams import tell, write_stdout

if TYPE_CHECKING:
    from pulse_cli.app.copy import Copied
    from pulse_cli.config import Loaded

_WHERE = "NAME, http://HOST:6333/NAME or DIR/NAME."
Source = Annotated[str, typer.Argument(metavar="FROM", help=_WHERE)]
Target = Annotated[str, typer.Argument(metavar="TO", help=f"{_WHERE} New or empty.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="FIELD=VALUE",
        help="Only pages whose domain, language, country, isMobile or url (a prefix with *) is "
        "VALUE; repeatable.",
    ),
]


@with_settings("qdrant.url", "qdrant.bulk", "run.give_up_after", "run.wait_lock", "state_dir")
def copy(
    *, loaded: Loaded, source: Source, target: Target, where: Where = None, as_json: Json = False
) -> int:
    """Copy a collection: from a folder to a server, from server to server, or back.

    Vectors, BM25 terms and payloads are copied as they are; nothing is embedded. The same command
    continues a copy that was stopped. At the end both are compared, by count and by a sample.
    qdrant.api_key is sent only to the server of the settings. Another server gets the password in
    its address, and qdrant.other_api_key as its key.

    Examples:
    pulse copy pulse_docs http://localhost:6333/docs
    pulse copy http://old:6333/docs http://new:6333/docs --filter domain=docs.example
    pulse copy http://localhost:6333/docs ./backup/docs
    """
    from pulse_cli.app.copy import CopyJob
    from pulse_cli.app.copy import copy as carry_out
    from pulse_cli.app.loop import run_until_signal
    from pulse_cli.cli.lines import Lines
    from pulse_cli.cli.ticker import Ticker

    job = CopyJob(source, target, tuple(where or ()))
    observer = Lines(sys.stderr, level="warning")
    with Ticker("copied", "points") as ticker:
        found = run_until_signal(
            lambda stop: carry_out(loaded.settings, job, observer, stop, ticker.at)
        )
    if as_json:
        write_stdout(json.dumps({"source": source, "target": target, **asdict(found)}))
    else:
        write_stdout(_line(found, source, target))
    if found.complete:
        return Exit.OK
    tell("pulse: stopped; the same command goes on")
    return Exit.TERMINATED if found.stopped_by == "SIGTERM" else Exit.INTERRUPTED


def _line(found: Copied, source: str, target: str) -> str:
    from pulse_cli import numbers
    from pulse_cli.sanitize import sanitize

    done = numbers.plural(found.points, "point")
    rate = numbers.rate((found.points - found.before) / max(found.seconds, 1e-9))
    end = f"; {found.compared} compared" if found.complete else " so far"
    took = f"{numbers.duration(found.seconds)}, {rate}/s"
    return sanitize(f"{done} copied from {source} to {target}{end} ({took}).")
