"""Room on the disk of a folder that need not exist yet, and how much an index needs of it."""

from __future__ import annotations

import os
from pathlib import Path

MIN_FREE_BYTES = 512 << 20
"""The embedded store stops before less is left: its segments are mapped files, in which a full
disk is a SIGBUS and not an error."""


def existing(path: Path) -> Path:
    """The nearest of `path` and its parents that is there."""
    return next(one for one in (path, *path.parents) if one.exists())


def free_bytes(path: Path) -> int:
    """What a process without privileges may still write there. Raises OSError."""
    found = os.statvfs(existing(path))
    return found.f_bavail * found.f_frsize


def taken_bytes(folder: Path) -> int:
    """What the files in `folder` take on the disk; 0 where it is not there."""
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(512 * file.lstat().st_blocks for file in files)


def is_short(free: int, taken: int, reading: int) -> bool:
    """Whether an index that has `taken` bytes clearly lacks room for `reading` bytes of pages.

    Plain markdown takes about eight times its size (measured: 12.3 MB of it as 12,713 chunks of
    384 dimensions take 108 MB); pages with their HTML take less, about once theirs by estimate.
    So twice is the least that should be there, less what an index of the same pages holds.
    """
    return free - MIN_FREE_BYTES < 2 * reading - taken
