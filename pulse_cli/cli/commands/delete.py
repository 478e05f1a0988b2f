"""`pulse delete`: deletes pages from an index, by address, or by prefix, host and age."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_cli import numbers
from pulse_cli.cli.exit_codes import Exit
from pulse_cli.cli.flags import CHOICE, Json, with_settings
from pulse_cli.cli.question import confirmed
from pulse_cli.cli.streams import tell, write_stdout
from pulse_cli.errors import Fatal, Kind
from pulse_cli.sanitize import sanitize

if TYPE_CHECKING:
    from pulse_cli.app.delete import Selected, Selection
    from pulse_cli.config import Loaded, Settings

Urls = Annotated[
    list[str] | None, typer.Argument(metavar="[URL]...", help="Complete addresses of pages.")
]
Prefix = Annotated[
    str | None,
    typer.Option(
        metavar="PREFIX", help="Pages whose address begins with this.", rich_help_panel=CHOICE
    ),
]
Host = Annotated[
    str | None, typer.Option(metavar="HOST", help="Pages of this host.", rich_help_panel=CHOICE)
]
OlderThan = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Pages last written longer ago, e.g. 30d (an unchanged page keeps its date).",
        rich_help_panel=CHOICE,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which pages would be deleted.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@with_settings("qdrant.url", "qdrant.collection", "run.wait_lock", "state_dir")
def delete(
    *,
    loaded: Loaded,
    urls: Urls = None,
    prefix: Prefix = None,
    host: Host = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Remove pages from the index, with all their chunks.

    An address is compared as it is stored: without tracking parameters and without a fragment
    that names a section (a route such as `#/install` stays). The pages that match all of --prefix,
    --host and --older-than are counted first, and deleted after a question or with --yes. A page
    that a later crawl holds is indexed again, unless --exclude of `pulse index` skips it.

    Examples:
    pulse delete https://docs.example/old-page
    pulse delete --prefix https://docs.example/v1/
    pulse delete --host docs.example --older-than 30d --yes
    """
    selection = _selection(prefix, host, older_than)
    if urls and selection:
        raise _usage("addresses and a selection at once", "give them in two commands")
    if selection:
        return _delete_selected(
            loaded.settings, selection, dry_run=dry_run, yes=yes, as_json=as_json
        )
    if not urls:
        raise _usage("nothing to delete", "name addresses, or --prefix, --host or --older-than")
    if dry_run:
        raise _usage("--dry-run needs --prefix, --host or --older-than", "leave it out, or add one")
    return _delete_named(loaded.settings, urls, as_json=as_json)


def _delete_named(settings: Settings, urls: list[str], *, as_json: bool) -> int:
    from pulse_cli.app.delete import delete_pages
    from pulse_cli.app.loop import run

    deleted = run(delete_pages(settings, urls))
    pages, points = sum(map(bool, deleted.values())), sum(deleted.values())
    if as_json:
        write_stdout(json.dumps({"pages": pages, "points": points, "urls": deleted}))
    else:
        for url, count in deleted.items():
            what = numbers.plural(count, "point") + " deleted" if count else "not in the index"
            write_stdout(f"{sanitize(url)}: {what}")
        write_stdout(f"{numbers.plural(pages, 'page')} deleted, {numbers.plural(points, 'point')}.")
    for url in (url for url, count in deleted.items() if not count and "*" in url):
        beginning = sanitize(url.partition("*")[0])
        tell(f"pulse: an address means one page; --prefix {beginning} means all that begin with it")
    return Exit.OK if all(deleted.values()) else Exit.FATAL


def _delete_selected(
    settings: Settings, selection: Selection, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    from pulse_cli.app.delete import Selected, delete_selected, select_pages
    from pulse_cli.app.loop import run

    found = run(select_pages(settings, selection))
    if not as_json:
        write_stdout(_count(found, settings))
    deleted = Selected()
    if found.pages and not dry_run and (yes or _confirmed(found)):
        deleted = run(delete_selected(settings, selection))
    if as_json:
        said = {"pages": deleted.pages, "points": deleted.points, "selected": found.pages}
        write_stdout(json.dumps(said))
    elif not dry_run:
        pages, points = (
            numbers.plural(deleted.pages, "page"),
            numbers.plural(deleted.points, "point"),
        )
        write_stdout(f"{pages} deleted, {points}.")
    return Exit.OK if found.pages and (dry_run or deleted.pages) else Exit.FATAL


def _count(found: Selected, settings: Settings) -> str:
    collection = sanitize(settings.qdrant.collection)
    if not found.pages:
        return f"No page of {collection} matches."
    pages = numbers.plural(found.pages, "page")
    lines = [f"{pages} of {collection}, {numbers.plural(found.points, 'point')}:"]
    lines += [f"  {sanitize(url)}" for url in found.examples]
    if more := found.pages - len(found.examples):
        lines.append(f"  and {more:,} more")
    return "\n".join(lines)


def _confirmed(found: Selected) -> bool:
    """Raises Fatal (exit 2) where nobody can be asked."""
    what = "it" if found.pages == 1 else f"these {numbers.plural(found.pages, 'page')}"
    return confirmed(f"Delete {what}?")


def _selection(prefix: str | None, host: str | None, older_than: str | None) -> Selection | None:
    """The selection of the flags, None if there are none. Raises Fatal (exit 2)."""
    if prefix is None and host is None and older_than is None:
        return None
    from pulse_cli.app.delete import Selection
    from pulse_cli.cli.age import moment_before
    from pulse_cli.search.filters import url_prefix

    for flag, value in (("--prefix", prefix), ("--host", host)):
        if value is not None and not value.strip(" /*"):
            raise _usage(f"{flag} is empty, which would mean every page", "say which pages")
    if host and "/" in host:
        raise _usage(f"--host {host} is an address", "give the host alone, or use --prefix")
    before = "" if older_than is None else moment_before("--older-than", older_than)
    return Selection(url_prefix(prefix or ""), (host or "").strip().lower(), before)


def _usage(message: str, hint: str) -> Fatal:
    return Fatal(message, hint=hint, kind=Kind.USAGE)
