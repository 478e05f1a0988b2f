"""`pulse index`: its flags."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import CHOICE, COURSE, OUTPUT, Json, with_settings

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...",
        help="Files, folders, globs, `s3://BUCKET/KEY` (gs, az, https), `firecrawl:crawl/ID`, "
        "`index:NAME` (the pages of another index), or `-` for standard input (implied by a pipe).",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Stop after N records.", rich_help_panel=CHOICE),
]
Restart = Annotated[
    bool,
    typer.Option("--restart", help="Drop the checkpoint and begin anew.", rich_help_panel=COURSE),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Embed unchanged pages again, too.", rich_help_panel=COURSE),
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="At the end, remove pages of the same hosts that the crawl no longer holds.",
        rich_help_panel=COURSE,
    ),
]
Scope = Annotated[
    str | None,
    typer.Option(
        "--scope", metavar="PREFIX", help="Prune only pages below this URL.", rich_help_panel=COURSE
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Prune even more than --max-prune.", rich_help_panel=COURSE)
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Read, clean and chunk; write nothing (--prune reads the index).",
        rich_help_panel=COURSE,
    ),
]
Alias = Annotated[
    str | None,
    typer.Option(
        "--alias",
        metavar="NAME",
        help="When complete, make NAME an alias of this index.",
        rich_help_panel=COURSE,
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Errors only.", rich_help_panel=OUTPUT)]
Verbose = Annotated[
    int, typer.Option("-v", "--verbose", count=True, help="Say more.", rich_help_panel=OUTPUT)
]


Workers = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="N|auto",
        help="Index with N processes of this machine; `auto`: one for each core.",
        rich_help_panel=COURSE,
    ),
]
_SECTIONS = ("embed", "qdrant", "firecrawl", "source", "run", "queue", "log", "output", "state_dir")


@with_settings(*_SECTIONS)
def index(
    *,
    loaded: Loaded,
    sources: Sources = None,
    limit: Limit = None,
    restart: Restart = False,
    force: Force = False,
    prune: Prune = False,
    scope: Scope = None,
    yes: Yes = False,
    alias: Alias = None,
    workers: Workers = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Index crawled pages, or go on with a run that was stopped.

    Reads Firecrawl documents in any shape (JSONL, crawl responses, arrays, folders, .gz,
    .zst), embeds what is new or changed, and writes it to the index. After a crash, run the
    same command again: it goes on, and nothing is lost or doubled.

    Examples:
    pulse index crawl.jsonl
    zcat crawl.jsonl.gz | pulse index
    pulse index exports/ --include '*/docs/*' --dry-run
    pulse index crawl.jsonl --prune --dry-run
    pulse index index:pulse_docs --collection new --set chunk.max_tokens=400 --alias docs
    pulse index exports/ --workers auto
    pulse index crawl.jsonl --tei http://localhost:8080 --qdrant http://localhost:6333
    """
    from pulse_cli.app.aliases import check_alias
    from pulse_cli.app.index import Job, index_sources
    from pulse_cli.app.sources import sources_in_command
    from pulse_cli.cli.command_line import run_command, setting_flags
    from pulse_cli.cli.fleet import by_workers
    from pulse_cli.cli.index_run import run_dry, run_index, sources_of
    from pulse_cli.cli.progress import Verbosity
    from pulse_cli.cli.streams import is_terminal
    from pulse_cli.read.objects.address import given_addresses

    named = sources_of(sources)
    again = sources_in_command(named)
    switches = {"--force": force, "--prune": prune, "--yes": yes, f"--scope={scope}": bool(scope)}
    if alias:
        check_alias(alias, loaded.settings.qdrant.collection)
        switches[f"--alias={alias}"] = True
    job = Job(
        sources=named,
        addresses=given_addresses(named),
        command=run_command(
            loaded, "index", again, [flag for flag, given in switches.items() if given]
        ),
        retry_flags=shlex.join(setting_flags(loaded)),
        restart=restart,
        force=force,
        limit=limit,
        prune=prune,
        scope=scope or "",
        yes=yes,
        unattended=not is_terminal(sys.stderr),
        alias=alias or "",
    )
    verbosity = Verbosity(quiet, verbose)
    if dry_run:
        return run_dry(loaded, job, verbosity, as_json=as_json)
    work = by_workers(loaded.settings, job, workers) or index_sources
    return run_index(loaded, job, verbosity, as_json=as_json, work=work)
