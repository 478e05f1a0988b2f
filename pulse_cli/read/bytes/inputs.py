"""From what the user named to an ordered list of inputs, and what they were like then.

A folder means the files in it that may hold pages, recursively and in the order of their
paths; hidden files, files of other kinds, pulse's own state, and all that is no file (FIFOs,
devices, links to folders: so loops end) are left out, and a note says how many. What is named
itself is read whatever it is called, also a FIFO (`<(zcat x)`).
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Input, Note

STDIN = "-"
FIRECRAWL = "firecrawl:"
INDEX = "index:"
HEAD = 64 * 1024
SUFFIXES = (".json", ".jsonl", ".ndjson")
HTML_SUFFIXES = (".html", ".htm", ".xhtml")
OWN_FILES = (".dead.jsonl", ".ckpt.json", ".manifest.json")


_BROKEN = "broken links"
_SOURCES = "name a file, a folder, a glob, -, firecrawl:crawl/ID or index:NAME"

_CRAWL = re.compile(r"(?:crawl|batch/scrape)/[A-Za-z0-9_-]{1,64}\Z")


class Found(NamedTuple):
    inputs: list[Input]
    notes: list[Note]


def find_inputs(specs: Sequence[str], markdown: bool) -> Found:
    """Expand files, folders, globs, `-`, `firecrawl:crawl/ID` and `index:NAME`. Raises Fatal.

    `markdown`: whether raw markdown in folders counts, its URLs being known.
    """
    inputs: list[Input] = []
    notes: list[Note] = []
    for spec in specs:
        if spec.startswith(FIRECRAWL):
            crawl_path(spec)
        if spec == STDIN or spec.startswith((FIRECRAWL, INDEX)):
            inputs.append(Input(spec))
            continue
        for name in _named(spec):
            if Path(name).is_dir():
                found = _in_folder(name, markdown)
                inputs.extend(found.inputs)
                notes.extend(found.notes)
            else:
                inputs.append(_identified(name))
    if [one.name for one in inputs].count(STDIN) > 1:
        raise _usage("- (standard input) is named twice", "it can be read only once")
    return Found(inputs, notes)


def _named(spec: str) -> list[str]:
    if os.path.lexists(spec):
        return [spec]
    if glob.has_magic(spec):
        if found := sorted(glob.glob(spec, recursive=True)):  # noqa: PTH207 - keeps the spelling
            return found
        raise _usage(f"no file matches {spec}", "check the pattern, and quote it for the shell")
    raise _usage(f"{spec} does not exist", _SOURCES)


def _in_folder(folder: str, markdown: bool) -> Found:
    taken: list[Input] = []
    left: Counter[str] = Counter()
    for path in _walk(folder, left):
        why = _left_out(path, markdown)
        if why:
            left[why] += 1
        else:
            taken.append(_identified(path))
    notes = []
    if left:
        what = ", ".join(f"{count:,} {why}" for why, count in left.most_common())
        notes.append(Note(f"{folder}: not read: {what}", partial=_BROKEN in left))
    if not taken:
        notes.append(Note(f"{folder}: no file to read in it", partial=True))
    return Found(taken, notes)


def _walk(folder: str, left: Counter[str]) -> Iterator[str]:
    """Paths of files, in the order of names at each level, however deep."""
    waiting = _entries(folder)
    while waiting:
        entry = waiting.pop()
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            waiting += _entries(entry.path)
        elif entry.is_dir():
            left["links to folders"] += 1
        else:
            yield entry.path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, the last name first."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        raise _unreadable(folder, error) from error


def _left_out(path: str, markdown: bool) -> str | None:
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return _BROKEN
    if not stat.S_ISREG(mode):
        return "pipes or devices"
    name = Path(path).name.lower()
    if name.endswith(OWN_FILES):
        return "of pulse's own (dead letters, checkpoints)"
    plain = name.removesuffix(".gz").removesuffix(".zst")
    if plain.endswith((*SUFFIXES, *HTML_SUFFIXES)):
        return None
    if plain.endswith(".md"):
        return None if markdown else ".md (raw markdown needs --url)"
    return Path(plain).suffix[:16] or "without suffix"


def _identified(name: str) -> Input:
    """The file as it is now. Raises Fatal where it cannot be read."""
    try:
        found = Path(name).stat()
        if not stat.S_ISREG(found.st_mode):
            return Input(name)
        with Path(name).open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise _unreadable(name, error) from error
    digest = hashlib.sha256(head).hexdigest()
    return Input(name, found.st_size, found.st_mtime_ns, found.st_ino, digest)


def crawl_path(name: str) -> str:
    """`crawl/ID` or `batch/scrape/ID`, its path in Firecrawl's API. Raises Fatal."""
    found = name.removeprefix(FIRECRAWL)
    if not _CRAWL.match(found):
        raise Fatal(
            f"{name!r} names no crawl",
            hint="firecrawl:crawl/ID or firecrawl:batch/scrape/ID, with the id that starting it"
            " printed",
            kind=Kind.MISSING_SOURCE,
        )
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """How an input compares with what it was. `longer` has the same beginning."""

    name: str
    how: Literal["same", "longer", "shorter", "different", "missing"]


def changed_inputs(manifest: Sequence[Input]) -> list[Change]:
    """Compare each input of a stored list with what is there now.

    "same" is said on size and first 64 KiB; only reading proves it (`Position.crc`). Pipes and
    remote crawls have nothing to compare and count as the same.
    """
    return [Change(one.name, _change(one)) for one in manifest]


def _change(was: Input) -> Literal["same", "longer", "shorter", "different", "missing"]:
    if was.size is None:
        return "same"
    try:
        size = Path(was.name).stat().st_size
        with Path(was.name).open("rb") as file:
            head = file.read(min(HEAD, was.size))
    except OSError:
        return "missing"
    if size < was.size:
        return "shorter"
    if hashlib.sha256(head).hexdigest() != was.head_hash:
        return "different"
    return "longer" if size > was.size else "same"


def _usage(message: str, hint: str) -> Fatal:
    return Fatal(message, hint=hint, kind=Kind.MISSING_SOURCE)


def _unreadable(name: str, error: OSError) -> Fatal:
    return Fatal(
        f"{name} cannot be read: {error.strerror}",
        hint="check its permissions, or leave it out",
        kind=Kind.MISSING_SOURCE,
    )
