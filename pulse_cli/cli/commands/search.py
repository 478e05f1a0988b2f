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
from pulse_cli.cli.strip_markdown import strip_markdown
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
        metavar="FIELD=VALUE",
        help="Only pages whose domain, language, country, isMobile or url (a beginning) is "
        "VALUE; repeatable.",
    ),
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Show what the vectors and the words gave to each page."),
]


@with_settings("embed.url", "qdrant.url", "qdrant.collection", "search")
def search(
    *,
    loaded: Loaded,
    query: Annotated[list[str], typer.Argument(metavar="QUERY...", help="What to look for.")],
    where: Where = None,
    explain: Explain = False,
    as_json: Json = False,
) -> int:
    """Search the pages that were indexed, by meaning and by words.

    Each page is shown once, with the passage that answers best and how near it comes to the
    best match possible. Exits with 1 if no page matches.

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
        write_stdout(json.dumps(as_object(found, explain=explain), ensure_ascii=False))
    else:
        write_stdout(_page(found, explain=explain))
    return Exit.OK if found.results else Exit.FATAL


def as_object(found: SearchResult, *, explain: bool = False) -> dict[str, object]:
    """The object that the original service's search API answered.

    With `explain` each result also has `share` (0 to 1) and `votes`, what each list gave it.
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


def _page(found: SearchResult, *, explain: bool) -> str:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
    with console.capture() as captured:
        if not found.results:
            console.print(f"No page matches {sanitize(found.query)!r}.")
        for rank, result in enumerate(found.results, start=1):
            _show_page(console, rank, result, found.query)
            if explain:
                _show_votes(console, result)
    return captured.get().rstrip("\n")


def _show_page(console: Console, rank: int, result: Result, query: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from pulse_cli.search.passage import passage

    head = Text(f"{rank:>2}. ")
    head.append(sanitize(result.title or result.url), "bold")
    head.append(f"  {100 * result.share:.0f} %", "dim")
    console.print(head)
    shown = passage(strip_markdown(result.text, result.title), query)
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


def _show_votes(console: Console, result: Result) -> None:
    """One line for each list: the place of the page in it, its score there, its part of the sum."""
    for name, vote in result.votes.items():
        console.print(
            f"    {name}: place {vote.rank}, score {vote.score:.3f}, part {vote.part:.3f}"
        )
    console.print("")


def safe_part(text: str) -> str:
    """`sanitize`, with the blanks at both ends kept: they part this text from its neighbours."""
    lead = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() and len(text) > 1 else ""
    return lead + sanitize(text.strip()) + tail if text.strip() else lead
