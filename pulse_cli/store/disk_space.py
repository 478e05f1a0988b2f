"""The free space for a folder that need not exist yet, and how much of it an index needs."""

from __future__ import annotations

import os
from pathlib import Path

MIN_FREE_BYTES = 512 << 20
"""The embedded store stops before less is left: its segments are memory-mapped files, and there a
full disk is a SIGBUS and not an error."""


def existing(path: Path) -> Path:
    """`path`, or its nearest parent that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def free_bytes(path: Path) -> int:
    """The bytes that a process without privileges can still write there. Raises OSError."""
    found = os.statvfs(existing(path))
    return found.f_bavail * found.f_frsize


def taken_bytes(folder: Path) -> int:
    """The bytes on disk of the files in `folder`; 0 where it does not exist."""
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(512 * file.lstat().st_blocks for file in files)


def is_short(free: int, taken: int, reading: int) -> bool:
    """Whether `free` bytes are clearly too few for an index of `taken` bytes and `reading` more
    bytes of pages.

    The index of plain markdown is about eight times as large (measured: 108 MB for 12.3 MB, in
    12,713 chunks of 384 dimensions). With HTML in the pages it is about as large as they are
    (estimated). So the least is twice the pages, minus what the index already takes.
    """
    return free - MIN_FREE_BYTES < 2 * reading - taken
