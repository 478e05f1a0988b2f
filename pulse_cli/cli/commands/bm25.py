"""`pulse bm25`: the view that scores words as the original service did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import with_settings
from pulse_cli.cli.help import Command, Group

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

app = typer.Typer(
    cls=Group, help="Make or export the rank-bm25 view of an index.", no_args_is_help=False
)


@app.command(cls=Command)
@with_settings("qdrant.url", "qdrant.collection")
def rebuild(*, loaded: Loaded) -> None:
    """Make the rank-bm25 view anew from what the index holds.

    `pulse index` does this by itself if bm25.engine is rank-bm25. The old view stays in use
    until the new one is complete.

    Examples:
    pulse bm25 rebuild
    pulse bm25 rebuild --qdrant http://localhost:6333 --collection pulse_docs
    """
    from pulse_cli import numbers
    from pulse_cli.app.loop import run
    from pulse_cli.app.maintain import rebuild_bm25
    from pulse_cli.wiring import bm25_folder

    pages = run(rebuild_bm25(loaded.settings))
    print(f"{numbers.plural(pages, 'page')} in the view {bm25_folder(loaded.settings)}.")


@app.command(cls=Command)
@with_settings("qdrant.url", "qdrant.collection")
def export(
    *,
    loaded: Loaded,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write or replace.")],
) -> None:
    """Write the view as the index.pkl that the original service loads.

    Stop that service while its file is replaced. pulse never reads such a file, because
    loading one can run any code in it.

    Examples:
    pulse bm25 export index.pkl
    """
    from pulse_cli import numbers
    from pulse_cli.app.loop import run
    from pulse_cli.app.maintain import export_bm25
    from pulse_cli.cli.outputs import check_outputs, is_export

    check_outputs({file: is_export}, state_folder=loaded.settings.state_folder)
    pages = run(export_bm25(loaded.settings, file))
    print(f"{numbers.plural(pages, 'page')} written to {file}.")
