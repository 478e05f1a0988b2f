"""Turns the sources that the user named into an ordered list of inputs with their identities.

A folder means the files in it that may hold pages, recursively and in the order of their paths.
Hidden files, files of other kinds, pulse's own state, and all that is not a file (FIFOs, devices,
and links to folders, which could form loops) are left out; a note says how many. A file that is
named itself is read whatever its name, even a FIFO (`<(zcat x)`). The objects at an address were
found before (`objects.finding`).
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Input, Note
from pulse_cli.read.objects.address import is_object

STDIN = "-"
FIRECRAWL = "firecrawl:"
INDEX = "index:"
HEAD = 64 * 1024
SUFFIXES = (".json", ".jsonl", ".ndjson")
HTML_SUFFIXES = (".html", ".htm", ".xhtml")
OWN_FILES = (".dead.jsonl", ".ckpt.json", ".manifest.json", ".begun.json")


_BROKEN = "broken links"
_SOURCES = "name a file, a folder, a glob, -, s3://BUCKET/KEY, firecrawl:crawl/ID or index:NAME"

_OBJECTS = "check the address; `*` matches within a part of the path: s3://BUCKET/crawls/2026-*"

_CRAWL = re.compile(r"(?:crawl|batch/scrape)/[A-Za-z0-9_-]{1,64}\Z")


class Found(NamedTuple):
    inputs: list[Input]
    notes: list[Note]


Objects = Mapping[str, Found]
"""The objects at each address among the sources."""


def find_inputs(specs: Sequence[str], markdown: bool, objects: Objects) -> Found:
    """Expand files, folders, globs, `-`, `firecrawl:crawl/ID` and `index:NAME`. Raises Fatal.

    `markdown`: whether to read raw markdown in folders, because its URLs are known.
    """
    inputs: list[Input] = []
    notes: list[Note] = []
    for spec in specs:
        if spec.startswith(FIRECRAWL):
            crawl_path(spec)
        if spec == STDIN or spec.startswith((FIRECRAWL, INDEX)):
            inputs.append(Input(spec))
            continue
        if is_object(spec):
            if not objects[spec].inputs and not objects[spec].notes:
                raise _usage(f"there is no object at {spec}, nor below it", _OBJECTS)
            inputs.extend(objects[spec].inputs)
            notes.extend(objects[spec].notes)
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
    return Found(taken, notes_of_folder(folder, left, empty=not taken))


def notes_of_folder(folder: str, left: Counter[str], *, empty: bool) -> list[Note]:
    """The notes about a folder: how many files were left out and why, or that none is left."""
    notes = []
    if left:
        what = ", ".join(f"{count:,} {why}" for why, count in left.most_common())
        notes.append(Note(f"{folder}: not read: {what}", partial=_BROKEN in left))
    if empty:
        notes.append(Note(f"{folder}: no file to read in it", partial=True))
    return notes


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
    return left_out_by_name(path, markdown)


def left_out_by_name(path: str, markdown: bool) -> str | None:
    """Why a file that a folder holds is not read, None if it is."""
    name = Path(path).name.lower()
    if name.endswith(OWN_FILES):
        return "files of pulse itself (dead letters, checkpoints)"
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


How = Literal["same", "longer", "shorter", "different", "missing"]


@dataclass(frozen=True, slots=True)
class Change:
    """How an input has changed. `longer` has the same beginning."""

    name: str
    how: How


def changed_inputs(manifest: Sequence[Input], objects: Objects) -> list[Change]:
    """Compare each input of a stored list with what is there now.

    "same" means the same size and first 64 KiB, of an object the same ETag. Only reading proves
    more (`Position.crc`). Pipes and remote crawls cannot be compared and count as the same.
    """
    now = {one.name: one for found in objects.values() for one in found.inputs}
    changes = []
    for one in manifest:
        how = _object_change(one, now.get(one.name)) if is_object(one.name) else _change(one)
        changes.append(Change(one.name, how))
    return changes


def _object_change(was: Input, now: Input | None) -> How:
    if now is None:
        return "missing"
    if was.etag or now.etag:
        return "same" if was.etag == now.etag else "different"
    if was.size is None or now.size is None or was.size == now.size:
        return "same"
    return "longer" if now.size > was.size else "shorter"


def _change(was: Input) -> How:
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
