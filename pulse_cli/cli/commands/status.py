"""`pulse status`: shows the checkpoints and the log of runs in the state folder."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_cli import numbers
from pulse_cli.cli import history
from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.streams import is_terminal, write_stdout
from pulse_cli.errors import Fatal
from pulse_cli.sanitize import sanitize

if TYPE_CHECKING:
    from pulse_cli.config import Loaded


Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="Only runs over these files or folders."),
]
All = Annotated[bool, typer.Option("--all", help="Show more than fits on the screen.")]
Hours = Annotated[
    float, typer.Option(min=0, metavar="N", help="How many hours of past runs to show.")
]


@with_settings("state_dir")
def status(
    *,
    loaded: Loaded,
    sources: Sources = None,
    show_all: All = False,
    hours: Hours = 24.0,
    as_json: Json = False,
) -> None:
    """Show the state of every run, the command that resumes it, and recent failures.

    The newest run is at the bottom. On a terminal, one screen is shown.

    Examples:
    pulse status
    pulse status crawl.jsonl --all
    pulse status --hours 168
    pulse status --json | jq -r '.runs[] | select(.status == "incomplete") | .resume'
    """
    from pulse_cli.cli.which_runs import runs_over
    from pulse_cli.engine.progress import run_log

    folder, matches = loaded.settings.state_folder, runs_over(sources or ())
    runs = [one for one in _runs(folder) if matches(one.get("sources", ()))]
    found = run_log.read(folder, time.time() - 3600 * hours)
    records = [one for one in found if matches(one["sources"])]
    if as_json:
        lately = history.as_object(records, hours)
        write_stdout(
            json.dumps({"state_dir": str(folder), "runs": runs, "history": lately}, indent=2)
        )
    elif not runs and not records:
        over = " over these sources" if sources else ""
        write_stdout(f"No runs{over} yet in {sanitize(str(folder))}.")
    else:
        rows = None if show_all or not is_terminal(sys.stdout) else _rows_of_screen()
        write_stdout("\n".join(_screen([_page(run) for run in runs], records, hours, rows)))


def _rows_of_screen() -> int:
    return max(shutil.get_terminal_size().lines - 2, 10)  # for the prompt before and after


def _screen(
    runs: list[str], records: list[dict[str, Any]], hours: float, rows: int | None
) -> list[str]:
    """History above, runs below, the newest of each last; the oldest are left out if need be."""
    shown: list[str] = []
    for number, page in enumerate(runs):
        lines = ["", *page.splitlines()]
        if rows is not None and number and len(shown) + len(lines) > 2 * rows // 3:
            left_out = len(runs) - number
            shown = ["", f"({numbers.plural(left_out, 'older run')}: --all)", *shown]
            break
        shown = lines + shown
    room = None if rows is None else max(rows - len(shown), 1)
    return history.as_page(records, hours, room).splitlines() + shown


def _runs(folder: Path) -> Iterator[dict[str, Any]]:
    from pulse_cli.engine.progress.checkpoint import CheckpointFile
    from pulse_cli.engine.progress.state_files import checkpoints

    for path in checkpoints(folder) if folder.is_dir() else []:
        try:
            state = CheckpointFile(path).load()
        except Fatal as error:
            yield {"checkpoint": str(path), "status": "unreadable", "error": str(error)}
            continue
        if state is not None:
            yield _run(path, state)


def _run(path: Path, state: dict[str, Any]) -> dict[str, Any]:
    from pulse_cli.engine.progress.state_files import CHECKPOINT_SUFFIX, is_locked
    from pulse_cli.engine.summary import retry_command

    stem = path.name.removesuffix(CHECKPOINT_SUFFIX)
    letters = path.with_name(f"{stem}-{state['run_id']}.dead.jsonl")
    dead = sum(state["counts"]["dead"].values())
    complete = bool(state["complete"])
    running = is_locked(path.with_name(f"{stem}.lock"))
    word = "running" if running else "complete" if complete else "incomplete"
    resume = None if complete else state["command"]
    if complete and dead and letters.exists():
        resume = retry_command(str(letters), state["retry_flags"])
    return {
        "checkpoint": str(path),
        "status": word,
        "run_id": state["run_id"],
        "started": history.moment(state["started"]),
        "saved": history.moment(state["saved_at"]),
        "sources": state["sources"],
        "target": state["target"],
        "position": state["position"],
        "counts": state["counts"],
        "dead_examples": state["examples"],
        "dead_letters": str(letters) if dead and letters.exists() else None,
        "resume": resume,
    }


def _page(run: dict[str, Any]) -> str:
    if run["status"] == "unreadable":
        return f"{sanitize(run['checkpoint'])}\n  {sanitize(run['error'])}"
    counts = run["counts"]
    target = run["target"]
    skipped, dead = sum(counts["skipped"].values()), sum(counts["dead"].values())
    rows = {
        "status": f"{run['status']}, last saved {run['saved']}",
        "documents": f"{counts['indexed']:,} indexed, {counts['unchanged']:,} unchanged, "
        f"{counts['superseded']:,} superseded, {skipped:,} skipped, {dead:,} dead",
        "skipped": numbers.reasons(counts["skipped"]),
        "dead": numbers.reasons(counts["dead"]),
        "kept in": run["dead_letters"] or "",
        "retry" if run["status"] == "complete" else "go on": run["resume"] or "",
    }
    if run["status"] != "complete":
        at = run["position"]
        rows["stands at"] = (
            f"source {at['source'] + 1} of {len(run['sources'])}, line {at['line']:,}, "
            f"{numbers.size(at['fed'])} read"
        )
    head = f"{', '.join(run['sources'])} → {target['collection']} in {target['store']}"
    lines = [f"  {name:<10} {sanitize(text)}" for name, text in rows.items() if text]
    return "\n".join([sanitize(head), *lines])
