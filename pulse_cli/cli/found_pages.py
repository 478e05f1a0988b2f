"""Pages that a search found, as people read them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from pulse_cli.cli.streams import write_stdout
from pulse_cli.cli.strip_markdown import strip_markdown
from pulse_cli.payload import LANGUAGE
from pulse_cli.sanitize import sanitize
from pulse_cli.search.passage import passage

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from pulse_cli.search.passage import Passage, Terms
    from pulse_cli.search.results import Result, SearchResult

WIDEST = 100  # columns of a passage; longer lines are hard to read
INDENT = 4


def show_pages(
    found: SearchResult, terms_of_page: Callable[[object], Terms], *, explain: bool
) -> None:
    """Write the pages to stdout. `terms_of_page`: of words on a page in the language it names.

    On a terminal that cannot hold them all they go to a pager, as git's output does; without
    one the best page comes last, where it can be seen.
    """
    from rich.console import Console

    seen = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, emoji=False, width=None if seen else WIDEST)
    entries = [
        _entry(console, *one, _passage(one[1], found.query, terms_of_page), explain)
        for one in _numbered(found.results)
    ]
    if not entries:
        write_stdout(f"No page matches {sanitize(found.query)!r}.")
        return
    text = "\n".join(entries).rstrip("\n")
    if seen and text.count("\n") + 2 > console.height:
        if _paged(text):
            return
        text = "\n".join(reversed(entries)).rstrip("\n")
    write_stdout(text)


def _numbered(results: Sequence[Result]) -> Iterator[tuple[int, Result]]:
    return enumerate(results, start=1)


def _paged(text: str) -> bool:
    """Show `text` in the user's pager; False where there is none."""
    named = os.environ.get("PULSE_PAGER") or os.environ.get("PAGER") or "less"
    try:
        command = shlex.split(named)
    except ValueError:
        return False
    if not command or command[0] == "cat" or shutil.which(command[0]) is None:
        return False
    environment = {"LESS": "FRX", "LV": "-c", **os.environ}
    try:
        subprocess.run(  # noqa: S603 - the user's own pager
            command, input=text.encode(), env=environment, check=False
        )
    except OSError:
        return False
    return True


def _passage(result: Result, query: str, terms_of_page: Callable[[object], Terms]) -> Passage:
    text = strip_markdown(result.text, result.title)
    return passage(text, query, terms_of_page(result.metadata.get(LANGUAGE)))


def _entry(console: Console, rank: int, result: Result, shown: Passage, explain: bool) -> str:
    """One page, ending in an empty line."""
    from rich.padding import Padding
    from rich.text import Text

    head = Text(f"{rank:>2}. ")
    head.append(sanitize(result.title or result.url), "bold")
    head.append(f"  {100 * result.share:.0f} %", "dim")
    width = min(WIDEST, console.width)
    with console.capture() as captured:
        console.print(head, soft_wrap=True)
        console.print(Text(f"    {sanitize(result.url)}", "cyan"), soft_wrap=True)
        for line in passage_lines(shown):
            console.print(Padding(line, (0, 0, 0, INDENT)), width=width)
        for url in result.duplicates:
            console.print(Text(f"    also at {sanitize(url)}", "dim"), soft_wrap=True)
        if explain:
            for name, vote in result.votes.items():
                console.print(
                    f"    {name}: place {vote.rank}, score {vote.score:.3f}, part {vote.part:.3f}"
                )
    lines = captured.get().split("\n")
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def passage_lines(shown: Passage) -> Iterator[Text]:
    """The lines of a passage, its words marked, with an ellipsis where it is cut."""
    from rich.text import Text

    lines, start = [], 0
    for line in shown.excerpt.split("\n"):
        if line.strip():
            marked = Text()
            at = 0
            for first, last in shown.spans:
                if start <= first and last <= start + len(line):
                    marked.append(_visible(line[at : first - start]))
                    marked.append(_visible(line[first - start : last - start]), "bold yellow")
                    at = last - start
            marked.append(_visible(line[at:]))
            lines.append(marked)
        start += len(line) + 1
    # The first line was cut where its text begins; the others move left as far as they can.
    shared = min((_indent(line.plain) for line in lines[1:]), default=0)
    lines[1:] = [line[shared:] for line in lines[1:]]
    if lines and shown.cut_before:
        lines[0] = Text("\u2026 ").append_text(lines[0])
    if lines and shown.cut_after:
        lines[-1].append(" \u2026")
    yield from lines


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _visible(text: str) -> str:
    """`sanitize`, with the blanks at both ends kept: code is indented, words stand apart."""
    text = text.replace("\t", "    ")
    inner = text.strip()
    if not inner:
        return text
    at = text.index(inner)
    return text[:at] + sanitize(inner) + text[at + len(inner) :]
