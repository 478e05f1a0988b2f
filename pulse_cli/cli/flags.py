"""Flags that set settings: declared for typer, collected, and loaded with all other settings.

The value of a flag is passed on as text and checked by the settings. So a wrong value gets the same
message wherever it was written, and no command repeats the rules of a setting.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from pulse_cli.errors import Fatal, Kind

CHOICE = "What is indexed"
SERVICES = "Services"
COURSE = "How it runs"
OUTPUT = "Output"
OPTIONS = "Options"
PANELS = ("Arguments", CHOICE, SERVICES, COURSE, OUTPUT, OPTIONS)


@dataclass(frozen=True, slots=True)
class Flag:
    """The flag of a setting; `spelled` lists its names. A switch has no `metavar`."""

    setting: str
    spelled: str
    metavar: str
    why: str
    repeated: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.spelled.split(","))

    @property
    def name(self) -> str:
        """The name of the parameter in which typer passes the value."""
        return self.setting.replace(".", "_")

    def parameter(self, panel: str) -> inspect.Parameter:
        kind: Any = bool if not self.metavar else list[str] if self.repeated else str
        info = typer.Option(
            *self.names, metavar=self.metavar or None, help=self.why, rich_help_panel=panel
        )
        if not self.metavar:
            return _parameter(self.name, Annotated[bool, info], default=False)
        return _parameter(self.name, Annotated[kind | None, info])


_CHANGED = "What to do when the input of an unfinished run has changed."
_PROGRESS = "auto|rich|plain|json|none"
FLAGS: dict[str, tuple[Flag, ...]] = {
    CHOICE: (
        Flag(
            "source.include", "--include", "GLOB", "Index only URLs that match; repeatable.", True
        ),
        Flag("source.exclude", "--exclude", "GLOB", "Skip URLs that match; repeatable.", True),
        Flag("source.base_url", "--url", "URL", "The address of raw markdown or HTML."),
        Flag("source.min_chars", "--min-chars", "N", "Skip pages with less text."),
        Flag("source.include_errors", "--include-errors", "", "Index pages of status >= 400, too."),
    ),
    SERVICES: (
        Flag("embed.url", "--tei,--embed", "URL", "`local`, a TEI server, or openai+http://HOST."),
        Flag("qdrant.url", "--qdrant", "URL|DIR", "A Qdrant server, or a folder."),
        Flag("qdrant.collection", "--collection", "NAME", "Which index."),
        Flag("firecrawl.url", "--firecrawl", "URL", "Address of the Firecrawl API."),
        Flag("serve.host", "--host", "ADDRESS", "Address to listen on."),
        Flag("serve.port", "--port", "N", "Port to listen on."),
    ),
    COURSE: (
        Flag(
            "run.concurrency", "--concurrency", "N", "Embed requests in flight; default: adapted."
        ),
        Flag("run.give_up_after", "--give-up-after", "TIME", "Wait this long for a service."),
        Flag("run.max_dead", "--max-dead", "N|P%", "Stop when more records are dead letters."),
        Flag("run.max_prune", "--max-prune", "N|P%", "Refuse to prune more pages of a host."),
        Flag("run.on_changed_source", "--on-changed-source", "refuse|restart", _CHANGED),
        Flag("run.wait_lock", "--wait-lock", "TIME", "Wait this long for another run."),
        Flag("queue.url", "--queue", "URL", "Redis, whose `pulse worker`s do the work."),
        Flag("qdrant.bulk", "--bulk", "", "Build the search graph after the load."),
    ),
    OUTPUT: (
        Flag("output.progress", "--progress", _PROGRESS, "How progress is shown on stderr."),
        Flag("log.file", "--log-file", "FILE", "Append messages to this file."),
        Flag(
            "log.format", "--log-format", "text|json", "Format of the log and of lines on stderr."
        ),
        Flag("run.metrics_file", "--metrics-file", "FILE", "Write metrics for Prometheus."),
    ),
    OPTIONS: (
        Flag("search.mode", "--mode", "hybrid|vector|bm25", "What to search by."),
        Flag("search.limit", "--limit", "N", "How many pages to show."),
        Flag("search.min_score", "--min-score", "N", "No pages below this score (0 to 100 %)."),
        Flag("state_dir", "--state-dir", "DIR", "Where checkpoints and dead letters are."),
    ),
}
"""All flags of settings, by the group of the help page."""

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings file; default: ./pulse.yaml, else ~/.config/pulse/pulse.yaml.",
    ),
]
SetAny = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SETTING=VALUE", help="Any setting, e.g. chunk.max_tokens=512."),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=OUTPUT)
]


def with_settings(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: gives a command `--config`, `--set` and the flags of these settings or sections.

    The command itself gets `loaded`, the settings that result from its command line.
    """
    chosen = {
        flag: panel
        for panel, flags in FLAGS.items()
        for flag in flags
        if flag.setting in names or flag.setting.partition(".")[0] in names
    }

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapper(**given: Any) -> Any:
            from pulse_cli.config import load

            values = {flag: given.pop(flag.name) for flag in chosen}
            set_here = _pairs(given.pop("set_") or ())
            for flag, value in values.items():
                if value not in (None, False):
                    set_here[flag.setting] = (flag.names[0], value)
            config = given.pop("config")
            return command(**given, loaded=load(set_here, config))

        kinds = get_type_hints(command, localns={"Loaded": object}, include_extras=True)
        own = inspect.signature(command).parameters.values()
        parameters = [p.replace(annotation=kinds[p.name]) for p in own if p.name != "loaded"]
        parameters += [flag.parameter(panel) for flag, panel in chosen.items()]
        parameters += [_parameter("set_", SetAny), _parameter("config", ConfigFile)]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
        return wrapper

    return decorate


def _pairs(texts: Iterable[str]) -> dict[str, tuple[str, Any]]:
    """The settings that `--set` names. Raises Fatal (exit 2)."""
    from pulse_cli.config.tree import leaves, unknown

    known = {leaf.name: leaf for leaf in leaves()}
    found: dict[str, tuple[str, Any]] = {}
    for text in texts:
        name, is_pair, value = text.partition("=")
        problem = ""
        if not is_pair:
            problem = "expected SETTING=VALUE"
        elif name not in known:
            problem = unknown(tuple(name.split(".")))
        elif known[name].secret:
            problem = f"{name} is a secret, which others can read here; use {known[name].variable}"
        if problem:
            raise Fatal(f"--set: {problem}", kind=Kind.CONFIG)
        found[name] = (f"--set {name}", value)
    return found


def _parameter(name: str, kind: Any, default: Any = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
