"""Translates the errors of an owner into the errors of pulse, with messages for the user."""

from __future__ import annotations

from pathlib import Path

from pulse_cli.collection_name import instead_of
from pulse_cli.errors import Fatal, Kind, Locked, NoIndex, PulseError, Rejected, Unavailable
from pulse_cli.store.edge.connection import Answered
from pulse_cli.store.edge.folder import ABOUT

AGAIN = "run the same command again: it goes on from here"


def translate(error: Answered, path: Path) -> PulseError:
    """Rejected only for what the engine says of the points themselves, else Fatal."""
    text = str(error)
    match error.kind:
        case "locked":
            return locked(path, f"another run ({text})")
        case "missing":
            return missing(path)
        case "gone":
            return gone(path)
        case "protocol":
            return _other_version(path, text)
    if "No space left" in text:
        return Unavailable(
            f"the disk of {path} is full: {text}",
            hint=f"make room, then {AGAIN}",
            kind=Kind.DISK_FULL,
        )
    if error.kind == "os" or "os error" in text:
        return Unavailable(
            f"the embedded store {path}: {text}",
            hint="check that folder, its permissions and its disk, then run the same command again;"
            " or name another --collection",
        )
    if "No point with id" in text:
        return Unavailable(
            f"the index {path} was changed by another program while pulse wrote to it: {text}",
            hint="run the same command again",
            kind=Kind.INDEX_CHANGED,
        )
    if "dimension error" in text:
        return Fatal(f"the embedded store {path}: {text}", hint="use another --collection")
    return Rejected(f"the embedded store refused it: {text}", reason="store-rejected")


def locked(path: Path, by: str) -> Fatal:
    return Locked(
        f"the index {path} is in use by {by}",
        hint="wait until that has ended, or use --wait-lock SECONDS",
    )


def missing(path: Path) -> Fatal:
    try:
        beside = sorted(entry.parent.name for entry in path.parent.glob(f"*/{ABOUT}"))
    except OSError:
        beside = []
    return NoIndex(f"there is no index at {path}", hint=instead_of(path.name, beside))


def gone(path: Path) -> Fatal:
    return Unavailable(
        f"the index {path} was removed, or replaced by another, while it was in use",
        hint="run the same command again: it begins anew",
        kind=Kind.INDEX_GONE,
    )


def dead(path: Path, tries: int, reason: str) -> Fatal:
    return Unavailable(
        f"the process of the embedded store {path} failed {tries} times; the last time: {reason}",
        hint=f"check disk space and memory, then {AGAIN}"
        " (qdrant.timeout sets how long an answer may take)",
        kind=Kind.STORE_DIED,
    )


def _other_version(path: Path, who: str) -> Fatal:
    return Locked(
        f"the index {path} is in use by an incompatible version of pulse ({who})",
        hint="wait until its commands have ended, or use the same version",
    )
