"""Names of sources that mean the same from every working folder.

A checkpoint is found by its sources, and the command that resumes a run names them. Both may be
used later from another folder.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from pulse_cli.errors import Fatal, Kind
from pulse_cli.read.bytes.inputs import INDEX
from pulse_cli.read.objects.address import command_word, is_object, public_name


def absolute_sources(names: Sequence[str]) -> tuple[str, ...]:
    """The same sources with absolute paths, and addresses of objects without secrets.

    Raises Fatal (exit 2) where the folder is gone, or an address cannot be one.
    """
    try:
        return tuple(_absolute(name) for name in names)
    except FileNotFoundError:  # of the working folder: a source need not exist yet
        raise Fatal(
            "the working folder is gone",
            hint="cd to another one",
            kind=Kind.USAGE,
        ) from None


def sources_in_command(names: Sequence[str]) -> tuple[str, ...]:
    """The sources as words of a command. Secrets of an address are left for the user to fill in."""
    absolute = absolute_sources(names)
    return tuple(
        command_word(name) if is_object(name) else same
        for name, same in zip(names, absolute, strict=True)
    )


def is_path(name: str) -> bool:
    """Whether a source is a file, a folder or a pattern of such."""
    return name != "-" and not name.startswith(("firecrawl:", INDEX)) and "://" not in name


def _absolute(name: str) -> str:
    if name.startswith(INDEX) and "/" in name and "://" not in name:
        return INDEX + str(Path(name.removeprefix(INDEX)).expanduser().absolute())
    if is_object(name):
        return public_name(name)
    if not name or not is_path(name) or Path(name).is_absolute():
        return name
    if glob.has_magic(name) and not os.path.lexists(name):
        return str(Path(glob.escape(str(Path.cwd())), name))
    path = Path.cwd() / name
    if ".." in path.parts:
        # `a/..` is not always `.`, because a may be a link. The target of a link may change, so
        # the last name is kept as it is.
        return str(Path(os.path.realpath(path.parent), path.name))
    return str(path)
