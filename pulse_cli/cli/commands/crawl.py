"""`pulse crawl`: its flags, and the request to Firecrawl made from them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_cli.cli.commands.index import Alias, Force, Prune, Quiet, Scope, Verbose, Yes
from pulse_cli.cli.flags import CHOICE, COURSE, Json, with_settings
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.config import Loaded

Url = Annotated[str, typer.Argument(metavar="URL", help="Where the crawl begins.")]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Crawl N pages at most; default: 10,000.", rich_help_panel=CHOICE
    ),
]
IncludePaths = Annotated[
    list[str] | None,
    typer.Option(metavar="REGEX", help="Crawl only paths that match.", rich_help_panel=CHOICE),
]
ExcludePaths = Annotated[
    list[str] | None,
    typer.Option(metavar="REGEX", help="Crawl no paths that match.", rich_help_panel=CHOICE),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="Any option of Firecrawl's crawl; VALUE is JSON or text.",
        rich_help_panel=CHOICE,
    ),
]
Restart = Annotated[
    bool,
    typer.Option(
        "--restart", help="Start another crawl, even if one is unfinished.", rich_help_panel=COURSE
    ),
]


@with_settings(
    *("embed", "qdrant", "firecrawl", "run", "log", "output", "state_dir"),
    *("source.include", "source.exclude", "source.min_chars", "source.include_errors"),
)
def crawl(
    *,
    loaded: Loaded,
    url: Url,
    limit: Limit = None,
    include_paths: IncludePaths = None,
    exclude_paths: ExcludePaths = None,
    options: Options = None,
    restart: Restart = False,
    force: Force = False,
    prune: Prune = False,
    scope: Scope = None,
    yes: Yes = False,
    alias: Alias = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Crawl a site with Firecrawl and index its pages as they come.

    Starts a crawl at the Firecrawl of the settings and follows it to its end. After a crash,
    run the same command again: it goes on with the same crawl. To renew an index every night,
    run this command by cron or a systemd timer.

    Examples:
    pulse crawl https://docs.example
    pulse crawl https://docs.example --limit 500 --include-paths '^/guide/.*' --prune
    pulse crawl https://docs.example --option scrapeOptions.waitFor=1000 --option maxConcurrency=2
    pulse crawl https://docs.example --firecrawl http://localhost:3002
    """
    from pulse_cli.app.aliases import check_alias
    from pulse_cli.app.crawl import crawl_and_index
    from pulse_cli.app.index import Job
    from pulse_cli.cli.command_line import run_command, setting_flags
    from pulse_cli.cli.index_run import run_index
    from pulse_cli.cli.progress import Verbosity
    from pulse_cli.cli.streams import is_terminal

    request = crawl_request(url, limit, include_paths, exclude_paths, options)
    switches = [
        *([f"--limit={limit}"] if limit else []),
        *(f"--include-paths={one}" for one in include_paths or ()),
        *(f"--exclude-paths={one}" for one in exclude_paths or ()),
        *(f"--option={one}" for one in options or ()),
        *(["--force"] if force else []),
        *(["--prune"] if prune else []),
        *(["--yes"] if yes else []),
        *([f"--scope={scope}"] if scope else []),
        *([f"--alias={alias}"] if alias else []),
    ]
    if alias:
        check_alias(alias, loaded.settings.qdrant.collection)
    job = Job(
        sources=(url,),
        command=run_command(loaded, "crawl", [url], switches),
        retry_flags=shlex.join(setting_flags(loaded)),
        restart=restart,
        force=force,
        prune=prune,
        scope=scope or "",
        yes=yes,
        unattended=not is_terminal(sys.stderr),
        alias=alias or "",
    )
    work = partial(crawl_and_index, request)
    return run_index(loaded, job, Verbosity(quiet, verbose), as_json=as_json, work=work)


def crawl_request(
    url: str,
    limit: int | None,
    include_paths: Sequence[str] | None,
    exclude_paths: Sequence[str] | None,
    options: Sequence[str] | None,
) -> dict[str, Any]:
    """The body of Firecrawl's `POST /v2/crawl`. Raises Fatal (exit 2) for wrong options."""
    request: dict[str, Any] = {"url": _checked(url)}
    given = {"limit": limit, "includePaths": include_paths, "excludePaths": exclude_paths}
    request |= {name: value for name, value in given.items() if value}
    for text in options or ():
        name, is_pair, value = text.partition("=")
        if not name or not is_pair:
            raise _usage(f"--option {text}: expected NAME=VALUE", "e.g. maxDiscoveryDepth=3")
        _put(request, name.split("."), _value(value), text)
    scraping = request.setdefault("scrapeOptions", {})
    if not isinstance(scraping, dict):
        raise _usage("--option scrapeOptions: expected an object", "e.g. scrapeOptions.waitFor=500")
    scraping.setdefault("formats", ["markdown"])
    headers = scraping.get("headers") or {}
    if any(str(name).lower() in ("authorization", "cookie") for name in headers):
        raise _secret("--option scrapeOptions.headers")
    if type(request.get("limit", 1)) is not int:
        raise _usage("--option limit: expected a whole number", "use --limit N")
    return request


def _checked(url: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise _usage(f"{url} is not the address of a site", "write it with https:// before it")
    if parts.username is not None:
        raise _secret("the address")
    return url


def _secret(where: str) -> Fatal:
    return _usage(
        f"the password in {where} would be kept in files",
        "start this crawl with Firecrawl itself, then: pulse index firecrawl:crawl/ID",
    )


def _put(request: dict[str, Any], names: list[str], value: Any, text: str) -> None:
    at = request
    for name in names[:-1]:
        at = at.setdefault(name, {})
        if not isinstance(at, dict):
            raise _usage(f"--option {text}: {name} is no object", "give each option once")
    if names == ["url"]:
        raise _usage(f"--option {text}: the address is the argument", "leave it out")
    at[names[-1]] = value


def _value(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _usage(message: str, hint: str) -> Fatal:
    return Fatal(message, hint=hint, kind=Kind.USAGE)
