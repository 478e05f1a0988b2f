"""`pulse status`: what the checkpoints in the state folder say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.cli import figures
from pulse_cli.cli.emit import emit
from pulse_cli.cli.flags import Json, with_settings
from pulse_cli.cli.safe import safe
from pulse_cli.errors import Fatal

if TYPE_CHECKING:
    from pulse_cli.config import Loaded


@with_settings("state_dir")
def status(*, loaded: Loaded, as_json: Json = False) -> None:
    """Show every run that left a checkpoint: how far it came, and the command that goes on.

    Examples:
    pulse status
    pulse status --json | jq -r '.runs[] | select(.status == "incomplete") | .resume'
    """
    folder = loaded.settings.state_folder
    runs = list(_runs(folder))
    if as_json:
        emit(json.dumps({"state_dir": str(folder), "runs": runs}, indent=2))
    elif not runs:
        emit(f"No runs yet in {safe(str(folder))}.")
    else:
        emit("\n\n".join(_page(run) for run in runs))


def _runs(folder: Path) -> Iterator[dict[str, Any]]:
    from pulse_cli.engine.checkpoint import CheckpointFile
    from pulse_cli.engine.statefiles import checkpoints

    for path in checkpoints(folder) if folder.is_dir() else []:
        try:
            state = CheckpointFile(path).load()
        except Fatal as error:
            yield {"checkpoint": str(path), "status": "unreadable", "error": str(error)}
            continue
        if state is not None:
            yield _run(path, state)


def _run(path: Path, state: dict[str, Any]) -> dict[str, Any]:
    from pulse_cli.engine.statefiles import CHECKPOINT_SUFFIX, is_locked

    stem = path.name.removesuffix(CHECKPOINT_SUFFIX)
    letters = path.with_name(f"{stem}-{state['run_id']}.dead.jsonl")
    dead = sum(state["counts"]["dead"].values())
    complete = bool(state["complete"])
    running = is_locked(path.with_name(f"{stem}.lock"))
    word = "running" if running else "complete" if complete else "incomplete"
    resume = None if complete else state["command"]
    if complete and dead and letters.exists():
        resume = f"pulse index {letters}"
    return {
        "checkpoint": str(path),
        "status": word,
        "run_id": state["run_id"],
        "started": _moment(state["started"]),
        "saved": _moment(state["saved_at"]),
        "sources": state["sources"],
        "target": state["target"],
        "position": state["position"],
        "counts": state["counts"],
        "dead_letters": str(letters) if dead and letters.exists() else None,
        "resume": resume,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _page(run: dict[str, Any]) -> str:
    if run["status"] == "unreadable":
        return f"{safe(run['checkpoint'])}\n  {safe(run['error'])}"
    counts = run["counts"]
    target = run["target"]
    skipped, dead = sum(counts["skipped"].values()), sum(counts["dead"].values())
    rows = {
        "status": f"{run['status']}, last saved {run['saved']}",
        "documents": f"{counts['indexed']:,} indexed, {counts['unchanged']:,} unchanged, "
        f"{skipped:,} skipped, {dead:,} dead",
        "skipped": figures.reasons(counts["skipped"]),
        "dead": figures.reasons(counts["dead"]),
        "kept in": run["dead_letters"] or "",
        "retry" if run["status"] == "complete" else "go on": run["resume"] or "",
    }
    if run["status"] != "complete":
        at = run["position"]
        rows["stands at"] = (
            f"source {at['source'] + 1} of {len(run['sources'])}, line {at['line']:,}, "
            f"{figures.size(at['fed'])} read"
        )
    head = f"{', '.join(run['sources'])} → {target['collection']} in {target['store']}"
    lines = [f"  {name:<10} {safe(text)}" for name, text in rows.items() if text]
    return "\n".join([safe(head), *lines])
