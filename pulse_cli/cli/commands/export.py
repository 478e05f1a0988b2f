"""`pulse export`: writes pages or chunks of an index to a file or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import CHOICE, OUTPUT, with_settings
from pulse_cli.cli.streams import tell
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.app.export import ExportJob
    from pulse_cli.cli.export_rows import RowWriter, Write
    from pulse_cli.config import Loaded, Settings

Named = Annotated[
    str | None,
    typer.Argument(
        metavar="[COLLECTION]",
        help="NAME, http://HOST:6333/NAME or DIR/NAME; default: that of the settings.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="The file to write; default: standard output. *.parquet is written as Parquet.",
        rich_help_panel=OUTPUT,
    ),
]
Chunks = Annotated[
    bool,
    typer.Option("--chunks", help="Export chunks as stored, not pages.", rich_help_panel=CHOICE),
]
Vectors = Annotated[
    bool,
    typer.Option("--vectors", help="Export the vectors of chunks, too.", rich_help_panel=CHOICE),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="FIELD=VALUE",
        help="Only pages whose domain, language, country, isMobile or url (a prefix with *) is "
        "VALUE; repeatable.",
        rich_help_panel=CHOICE,
    ),
]


@with_settings("qdrant.url", "qdrant.collection", "state_dir")
def export(
    *,
    loaded: Loaded,
    collection: Named = None,
    output: Output = None,
    chunks: Chunks = False,
    vectors: Vectors = False,
    where: Where = None,
) -> None:
    """Write the pages of an index as JSON lines in Firecrawl's shape, or its chunks.

    Exported pages can be indexed again: `pulse index FILE`. A file whose name ends in .parquet is
    written as Parquet, which needs `pip install 'pulse-index[parquet]'`.

    Examples:
    pulse export > pages.jsonl
    pulse export docs --filter domain=docs.example -o docs.jsonl
    pulse export --chunks --vectors -o chunks.parquet
    """
    from pulse_cli.app.export import ExportJob
    from pulse_cli.app.loop import run
    from pulse_cli.wiring import places

    if vectors and not chunks:
        raise Fatal("--vectors needs --chunks", hint="add --chunks", kind=Kind.USAGE)
    settings = loaded.settings if collection is None else places.at(loaded.settings, collection)
    job = ExportJob(chunks=chunks, vectors=vectors, filters=tuple(where or ()))
    if output is None:
        run(_write(settings, job, _json_lines(_to_stdout)))
        return
    rows = _to_file(settings, job, output)
    from pulse_cli import numbers
    from pulse_cli.sanitize import sanitize

    written = numbers.plural(rows, "chunk" if chunks else "page")
    tell(sanitize(f"{written} written to {output}."))


def _to_file(settings: Settings, job: ExportJob, output: Path) -> int:
    """How many rows were written."""
    from pulse_cli.app.loop import run
    from pulse_cli.atomic_file import AtomicFile
    from pulse_cli.cli.export_rows import Parquet
    from pulse_cli.cli.outputs import check_outputs, is_pages

    check_outputs({output: is_pages}, state_folder=settings.state_folder)
    try:
        with AtomicFile(output) as file:
            make = Parquet if output.suffix == ".parquet" else _json_lines
            rows = run(_write(settings, job, make(file.write)))
            file.finish()
    except OSError as error:
        raise Fatal(
            f"{output} cannot be written: {error.strerror or error}",
            hint="name a file in a folder that exists and may be written to",
            kind=Kind.DISK,
        ) from error
    return rows


async def _write(settings: Settings, job: ExportJob, writer: RowWriter) -> int:
    from pulse_cli.app.export import exported
    from pulse_cli.cli.lines import Lines
    from pulse_cli.cli.ticker import Ticker

    done = 0
    with Ticker("exported", "chunks" if job.chunks else "pages") as ticker:
        async for rows in exported(settings, job, Lines(sys.stderr, level="warning")):
            if rows:
                writer.write(rows)
            done += len(rows)
            ticker.at(done)
        writer.finish()
    return done


def _json_lines(write: Write) -> RowWriter:
    from pulse_cli.cli.export_rows import JsonLines

    return JsonLines(write)


def _to_stdout(data: bytes) -> None:
    sys.stdout.write(data.decode())
