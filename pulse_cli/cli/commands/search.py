"""`pulse search`: its flags, and its results for people and for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.found_pages import show_pages
from pulse_cli.cli.streams import write_stdout
from pulse_cli.errors import Fatal, Kind
from pulse_cli.sanitize import sanitize

if TYPE_CHECKING:
    from pulse_cli.config import Loaded
    from pulse_cli.search.results import SearchResult

Where = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="FIELD=VALUE",
        help="Only pages whose domain, language, country, isMobile or url (a prefix with *) is "
        "VALUE; repeatable.",
    ),
]
UrlsOnly = Annotated[
    bool, typer.Option("--urls-only", help="Print only the addresses, best first.")
]
Open = Annotated[
    int | None,
    typer.Option("--open", metavar="N", min=1, help="Open the N-th page in the browser."),
]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain", help="Show what vectors, BM25 and word order add to the score of each page."
    ),
]


@with_settings("embed.url", "qdrant.url", "qdrant.collection", "search")
def search(
    *,
    loaded: Loaded,
    query: Annotated[list[str], typer.Argument(metavar="QUERY...", help="What to look for.")],
    where: Where = None,
    explain: Explain = False,
    urls_only: UrlsOnly = False,
    open_number: Open = None,
    as_json: Json = False,
) -> int:
    """Search the indexed pages, by meaning (vectors) and by words (BM25).

    Each page is shown once, with its best passage and a score (100 % is the best match possible).
    Other addresses of the same text are listed below it. Exits with 1 if no page matches.

    Examples:
    pulse search "how do I test a backup"
    pulse search --mode bm25 --filter language=en nftables
    pulse search certificates --filter 'url=https://docs.example/guide/*' --json
    pulse search --urls-only --min-score 60 backups | xargs -n1 curl -sO
    """
    from pulse_cli.app.loop import run
    from pulse_cli.app.search import search_pages, terms_of_page
    from pulse_cli.cli.lines import Lines

    words = " ".join(query).strip()
    if not words:
        raise Fatal("the query is empty", kind=Kind.USAGE)
    warnings = Lines(sys.stderr, level="warning")
    found = run(search_pages(loaded.settings, words, where or [], warnings))
    for notice in found.notices:
        print(f"pulse: {sanitize(notice)}", file=sys.stderr)
    if as_json:
        write_stdout(json.dumps(as_object(found, explain=explain), ensure_ascii=False))
    elif urls_only:
        for result in found.results:
            write_stdout(sanitize(result.url))
    else:
        show_pages(found, partial(terms_of_page, loaded.settings), explain=explain)
    if open_number is not None and found.results:
        _open(found, open_number)
    return Exit.OK if found.results else Exit.FATAL


def _open(found: SearchResult, number: int) -> None:
    """Open a page in the browser. Raises Fatal."""
    if number > len(found.results):
        raise Fatal(f"--open {number}: only {len(found.results)} pages were found", kind=Kind.USAGE)
    url = found.results[number - 1].url
    if not url.startswith(("http://", "https://")):
        raise Fatal(f"--open {number}: {sanitize(url)} is not the address of a web page")
    if typer.launch(url) != 0:
        raise Fatal(f"no browser could be started for {sanitize(url)}", hint="copy the address")


def as_object(found: SearchResult, *, explain: bool = False) -> dict[str, object]:
    """The JSON object in the form of the original service's search API.

    With `explain` each result also has `share` (0 to 1) and `votes`, its scores in each list.
    """
    results = [asdict(result) for result in found.results]
    if not explain:
        for result in results:
            del result["share"], result["votes"]
    return {
        "query": found.query,
        "mode": found.mode,
        "total": found.total,
        "results": results,
    }
