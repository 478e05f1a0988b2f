"""The `pulse` command: its subcommands, and the handling of errors.

The process always ends with one of the documented exit codes and, after an error, with a message
that says what to do. A traceback is not shown. An exception that is not a PulseError is a bug of
pulse; the message says so, and where it happened.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pulse_cli.cli.commands import (
    bench,
    bm25,
    completion,
    config,
    copy,
    crawl,
    delete,
    doctor,
    drop,
    export,
    forget,
    index,
    ls,
    mcp,
    search,
    serve,
    show,
    stats,
    status,
)
from pulse_cli.cli.error_report import complain, error_report_of
from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.help import Command, Group

app = typer.Typer(
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("index", cls=Command)(index.index)
app.command("crawl", cls=Command)(crawl.crawl)
app.command("search", cls=Command)(search.search)
app.command("ls", cls=Command)(ls.ls)
app.command("stats", cls=Command)(stats.stats)
app.command("show", cls=Command)(show.show)
app.command("copy", cls=Command)(copy.copy)
app.command("export", cls=Command)(export.export)
app.command("drop", cls=Command)(drop.drop)
app.command("mcp", cls=Command)(mcp.mcp)
app.command("serve", cls=Command)(serve.serve)
app.command("status", cls=Command)(status.status)
app.command("bench", cls=Command)(bench.bench)
app.command("delete", cls=Command)(delete.delete)
app.command("forget", cls=Command)(forget.forget)
app.command("doctor", cls=Command)(doctor.doctor)
app.add_typer(bm25.app, name="bm25")
app.add_typer(config.app, name="config")
app.command("completion", cls=Command)(completion.completion)


@app.callback(invoke_without_command=True)
def pulse(
    ctx: typer.Context,
    version: Annotated[
        # None and not False: the library would load pydantic to check a False
        bool | None, typer.Option("-V", "--version", help="Show the version and exit.")
    ] = None,
) -> None:
    """Make what Firecrawl crawled searchable.

    pulse reads exports, folders and pipes of crawled pages, embeds them, and keeps vectors
    and BM25 terms in an index on disk or in Qdrant. A run that was killed goes on where it
    stopped when the same command is given again.

    Examples:
    pulse index crawl.jsonl
    pulse search "how do I rotate the keys"
    pulse help COMMAND
    """
    if version:
        from pulse_cli import __version__

        print(f"pulse {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


def run(args: list[str]) -> int:
    """Run one command line and return its exit code. Never raises."""
    try:
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        code = app(args, prog_name="pulse", standalone_mode=False)
        sys.stdout.flush()
        return int(code or Exit.OK)
    except (Exception, KeyboardInterrupt) as error:
        return complain(error_report_of(error, args), args)
