"""`pulse forget`: removes what the state folder keeps of runs, by source and age."""

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
    from pulse_cli.config import Loaded
    from pulse_cli.engine.progress.forget import Remembered

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="Runs over these files or folders."),
]
OlderThan = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Runs last saved, and dead letters written, longer ago, e.g. 30d.",
        rich_help_panel=CHOICE,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
SHOWN = 10


@with_settings("state_dir")
def forget(
    *,
    loaded: Loaded,
    sources: Sources = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Remove checkpoints, dead letters and logged starts of runs; the index stays as it is.

    Lists what would be removed, and removes it after a question or with --yes. A run in progress
    is left alone. An unfinished run that is forgotten begins anew.

    Examples:
    pulse forget --older-than 30d --yes
    pulse forget crawl.jsonl --dry-run
    """
    from pulse_cli.cli.age import seconds_before
    from pulse_cli.cli.which_runs import runs_over
    from pulse_cli.engine.progress.forget import forget as forget_run
    from pulse_cli.engine.progress.forget import forget_starts, remembered

    if not sources and older_than is None:
        raise Fatal("nothing to forget", hint="name sources, or --older-than", kind=Kind.USAGE)
    before = float("inf") if older_than is None else seconds_before("--older-than", older_than)
    folder, matches = loaded.settings.state_folder, runs_over(sources or ())
    found = list(remembered(folder, before, matches)) if folder.is_dir() else []
    starts = forget_starts(folder, before, matches, really=False)
    if not as_json:
        write_stdout(_page(found, starts))
    anything = bool(found or starts)
    going_on = 0
    if removed := anything and not dry_run and (yes or confirmed("Remove all this?")):
        going_on = sum(not forget_run(folder, one) for one in found)
        forget_starts(folder, before, matches, really=True)
    if as_json:
        write_stdout(json.dumps({**_counts(found, starts), "removed": removed}))
    if going_on:
        tell(f"pulse: left alone: {numbers.plural(going_on, 'run')} in progress")
    return Exit.OK if removed or (dry_run and anything) else Exit.FATAL


def _counts(found: list[Remembered], starts: int) -> dict[str, int]:
    return {
        "runs": len(found),
        "unfinished": sum(one.unfinished for one in found),
        "dead_letter_files": sum(one.dead_letters for one in found),
        "starts": starts,
    }


def _page(found: list[Remembered], starts: int) -> str:
    if not found and not starts:
        return "No run matches."
    counts = _counts(found, starts)
    lines = [
        f"{numbers.plural(counts['runs'], 'run')} ({counts['unfinished']:,} unfinished), "
        f"{numbers.plural(counts['dead_letter_files'], 'file')} of dead letters, "
        f"{numbers.plural(starts, 'start')} in the log:"
    ]
    for one in found[:SHOWN]:
        mark = " (unfinished)" if one.unfinished else ""
        lines.append(f"  {sanitize(', '.join(one.sources) or one.stem)}{mark}")
    if more := len(found) - SHOWN:
        lines += [f"  and {more:,} more"] if more > 0 else []
    return "\n".join(lines)
