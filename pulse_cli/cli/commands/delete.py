"""`pulse delete`: pages taken out of an index by their addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.flags import Json, with_settings

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

Urls = Annotated[list[str], typer.Argument(metavar="URL...", help="Addresses of pages.")]


@with_settings("qdrant.url", "qdrant.collection", "run.wait_lock", "state_dir")
def delete(*, loaded: Loaded, urls: Urls, as_json: Json = False) -> None:
    """Remove pages from the index, with all their chunks.

    An address is compared as it is stored: without tracking parameters and without a fragment
    that names a section (a route such as `#/install` stays). A page
    that a later crawl holds comes back with it; see --exclude of `pulse index`.

    Examples:
    pulse delete https://docs.example/old-page
    pulse delete https://docs.example/a https://docs.example/b --json
    """
    from pulse_cli import numbers
    from pulse_cli.app.loop import run
    from pulse_cli.app.maintain import delete_pages
    from pulse_cli.sanitize import sanitize

    deleted = run(delete_pages(loaded.settings, urls))
    pages, points = sum(map(bool, deleted.values())), sum(deleted.values())
    if as_json:
        print(json.dumps({"pages": pages, "points": points, "urls": deleted}))
        return
    for url, count in deleted.items():
        what = numbers.plural(count, "point") + " deleted" if count else "not in the index"
        print(f"{sanitize(url)}: {what}")
    print(f"{numbers.plural(pages, 'page')} deleted, {numbers.plural(points, 'point')}.")
