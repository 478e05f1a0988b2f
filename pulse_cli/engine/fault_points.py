"""Named places at which tests crash the process. They cost nothing unless a hook is set.

Kills at random moments hardly ever hit the middle of a write. Tests die at each of these
points, and at each of them several times over.
"""

from __future__ import annotations

from collections.abc import Callable

FAULT_POINTS = (
    "run-opened",
    "group-looked-up",
    "group-embedded",
    "commit-begun",
    "commit-points-written",
    "commit-others-deleted",
    "commit-done",
    "commit-undone",
    "dead-letter-half-written",
    "checkpoint-snapshot",
    "checkpoint-store-synced",
    "checkpoint-half-written",
    "checkpoint-before-rename",
    "checkpoint-saved",
)
PRUNE_POINTS = ("pages-pruned", "pruned")

_hook: Callable[[str], None] | None = None


def set_fault_hook(hook: Callable[[str], None] | None) -> None:
    """Have `hook` called with the name of each fault point passed; None turns it off."""
    global _hook
    _hook = hook


def fault_point(name: str) -> None:
    if _hook is not None:
        _hook(name)
