"""`pulse drop`: removes a collection or an alias, after a question."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.streams import write_stdout
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

Named = Annotated[
    str,
    typer.Argument(metavar="COLLECTION", help="NAME, http://HOST:6333/NAME or DIR/NAME."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@with_settings("qdrant.url", "run.wait_lock", "state_dir")
def drop(*, loaded: Loaded, collection: Named, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a collection with all its pages, or an alias, after a question.

    If COLLECTION is an alias, only the alias is removed, and the collection stays.

    Examples:
    pulse drop old_docs
    pulse drop http://localhost:6333/old_docs --yes
    """
    from pulse_cli import numbers
    from pulse_cli.app.aliases import drop as remove
    from pulse_cli.app.aliases import meant, points_of
    from pulse_cli.app.loop import run
    from pulse_cli.sanitize import sanitize
    from pulse_cli.wiring import places

    settings = places.at(loaded.settings, collection)
    stays = run(meant(settings))
    points = 0 if stays else run(points_of(settings))
    what = f"the alias of {stays}" if stays else numbers.plural(points, "point")
    shown = sanitize(f"{collection} ({what})")
    if not yes:
        if not sys.stdin or not sys.stdin.isatty():
            hint = "--yes removes it without a question"
            raise Fatal(f"{shown} is not removed unasked", hint=hint, kind=Kind.USAGE)
        typer.confirm(f"Remove {shown}?", abort=True, err=True)
    run(remove(settings))
    if as_json:
        write_stdout(json.dumps({"dropped": collection, "alias_of": stays, "points": points}))
    else:
        write_stdout(f"{shown} removed.")
