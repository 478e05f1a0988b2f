"""`pulse search`: its flags, and hits for people and for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.streams import write_stdout
from pulse_cli.cli.strip_markdown import plain
from pulse_cli.errors import Fatal, Kind
from pulse_cli.sanitize import sanitize

if TYPE_CHECKING:
    from rich.console import Console

    from pulse_cli.config import Loaded
    from pulse_cli.search.results import Result, SearchResult

Where = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="KEY=VALUE",
        help="Only pages whose domain, language, country, isMobile or url (a beginning) is "
        "VALUE; repeatable.",
    ),
]


@with_settings("embed.url", "qdrant.url", "qdrant.collection", "search")
def search(
    *,
    loaded: Loaded,
    query: Annotated[list[str], typer.Argument(metavar="QUERY...", help="What to look for.")],
    where: Where = None,
    as_json: Json = False,
) -> int:
    """Search the pages that were indexed, by meaning and by words.

    Each page is shown once, with the passage that answers best.

    Examples:
    pulse search "how do I test a backup"
    pulse search --mode bm25 --filter language=en nftables
    pulse search certificates --filter 'url=https://docs.example/guide/*' --json
    """
    from pulse_cli.app.loop import run
    from pulse_cli.app.search import search_pages
    from pulse_cli.cli.lines import Lines

    words = " ".join(query).strip()
    if not words:
        raise Fatal("the query is empty", kind=Kind.USAGE)
    warnings = Lines(sys.stderr, level="warning")
    found = run(search_pages(loaded.settings, words, where or [], warnings))
    for notice in found.notices:
        print(f"pulse: {sanitize(notice)}", file=sys.stderr)
    if as_json:
        write_stdout(json.dumps(as_object(found), ensure_ascii=False))
    else:
        write_stdout(_page(found))
    return Exit.OK


def as_object(found: SearchResult) -> dict[str, object]:
    """The object that the original service's search API answered, and more."""
    return {
        "query": found.query,
        "mode": found.mode,
        "total": found.total,
        "results": [asdict(result) for result in found.results],
    }


def _page(found: SearchResult) -> str:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
    with console.capture() as captured:
        if not found.results:
            console.print(f"No page matches {sanitize(found.query)!r}.")
        for rank, result in enumerate(found.results, start=1):
            _show_page(console, rank, result, found.query)
    return captured.get().rstrip("\n")


def _show_page(console: Console, rank: int, result: Result, query: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from pulse_cli.search.passage import passage

    head = Text(f"{rank:>2}. ")
    head.append(sanitize(result.title or result.url), "bold")
    head.append(f"  {result.score:.4f}", "dim")
    console.print(head)
    shown = passage(plain(result.text, result.title), query)
    body = Text()
    at = 0
    for start, end in shown.spans:
        body.append(safe_part(shown.excerpt[at:start]))
        body.append(safe_part(shown.excerpt[start:end]), "bold yellow")
        at = end
    body.append(safe_part(shown.excerpt[at:]))
    url = Text(sanitize(result.url), "cyan")
    if sys.stdout.isatty():
        console.print(Padding(url, (0, 0, 0, 4)), Padding(body, (0, 0, 1, 4)), sep="\n")
    else:
        console.print(Text("    ") + url, Text("    ") + body, "", sep="\n")


def safe_part(text: str) -> str:
    """`sanitize`, with the blanks at both ends kept: they part this text from its neighbours."""
    lead = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() and len(text) > 1 else ""
    return lead + sanitize(text.strip()) + tail if text.strip() else lead
