"""`pulse ls`: the collections, the pages of one, or their addresses."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.layout import width_of
from pulse_cli.cli.streams import write_stdout
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.config import Loaded, Settings

Collection = Annotated[
    str | None,
    typer.Argument(
        metavar="[COLLECTION]", help="NAME, http://HOST:6333/NAME or DIR/NAME; default: all."
    ),
]
Urls = Annotated[bool, typer.Option("--urls", help="Print the address of every page, one a line.")]


@with_settings("qdrant.url")
def ls(
    *, loaded: Loaded, collection: Collection = None, urls: Urls = False, as_json: Json = False
) -> None:
    """List the collections, or show the pages of one by host, language and age.

    Without a name: the collections at the server or in the folder of the settings, and the
    embedded ones of this user. The figures are counted by the store itself.

    Examples:
    pulse ls
    pulse ls pulse_docs
    pulse ls http://localhost:6333/docs --json
    pulse ls pulse_docs --urls | wc -l
    """
    from pulse_cli.app import overview
    from pulse_cli.app.loop import run
    from pulse_cli.cli import overview_page
    from pulse_cli.cli.lines import Lines
    from pulse_cli.wiring import places

    warnings = Lines(sys.stderr, level="warning")
    if urls:
        if collection is None:
            raise Fatal("--urls needs a collection", hint="see `pulse ls`", kind=Kind.USAGE)
        run(_print_urls(places.at(loaded.settings, collection), as_json=as_json))
    elif collection is None:
        found = run(overview.collections(loaded.settings, warnings))
        if as_json:
            objects = [overview_page.as_object(one) for one in found]
            write_stdout(json.dumps({"collections": objects}))
        elif found:
            write_stdout(overview_page.listing(found, width_of(sys.stdout)))
        else:
            write_stdout(f"No collections yet in {_place(loaded.settings)}.")
    else:
        inside = run(overview.contents(places.at(loaded.settings, collection), warnings))
        if as_json:
            write_stdout(json.dumps(overview_page.contents_object(inside)))
        else:
            now = datetime.now(UTC)
            write_stdout(overview_page.contents_page(inside, width_of(sys.stdout), now))


async def _print_urls(settings: Settings, *, as_json: bool) -> None:
    """A line for each address: as it is, or as a JSON string."""
    from pulse_cli.app.overview import urls
    from pulse_cli.events import NullObserver
    from pulse_cli.sanitize import sanitize

    async for batch in urls(settings, NullObserver()):
        write_stdout("\n".join(json.dumps(url) if as_json else sanitize(url) for url in batch))


def _place(settings: Settings) -> str:
    from pulse_cli.sanitize import sanitize
    from pulse_cli.wiring import target_of

    return sanitize(target_of(settings, 0).store)
