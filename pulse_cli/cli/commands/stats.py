"""`pulse stats`: numbers of one collection: pages, chunks, and their sizes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.layout import width_of
from pulse_cli.cli.streams import write_stdout

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

Named = Annotated[
    str | None,
    typer.Argument(
        metavar="[COLLECTION]",
        help="NAME, http://HOST:6333/NAME or DIR/NAME; default: that of the settings.",
    ),
]


@with_settings("qdrant.url", "qdrant.collection")
def stats(*, loaded: Loaded, collection: Named = None, as_json: Json = False) -> None:
    """Show how much a collection holds, and how large its chunks are.

    Examples:
    pulse stats
    pulse stats http://localhost:6333/docs --json
    """
    from pulse_cli.app import overview
    from pulse_cli.app.loop import run
    from pulse_cli.cli import overview_page
    from pulse_cli.cli.lines import Lines
    from pulse_cli.wiring import places

    settings = loaded.settings if collection is None else places.at(loaded.settings, collection)
    found = run(overview.contents(settings, Lines(sys.stderr, level="warning")))
    if as_json:
        write_stdout(json.dumps(overview_page.stats_object(found)))
    else:
        write_stdout(overview_page.stats_page(found, width_of(sys.stdout)).rstrip("\n"))
