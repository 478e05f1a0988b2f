"""The processes below a command, found in /proc."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MOST_SECONDS = 60.0


def below(pid: int, word: str) -> list[int]:
    """The processes below `pid` whose command line has `word` in it."""
    children: dict[int, list[int]] = {}
    words: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
        except (OSError, IndexError):
            continue  # it has ended meanwhile
        children.setdefault(parent, []).append(int(folder.name))
    found, look = [], [pid]
    while look:
        look += (mine := children.get(look.pop(), []))
        found += [one for one in mine if word in words[one]]
    return found


def until(holds: Callable[[], T]) -> T:
    """What `holds` says once it is true."""
    end = time.monotonic() + MOST_SECONDS
    while not (found := holds()):
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.02)
    return found
