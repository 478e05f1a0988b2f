"""Which settings are paths, and what a relative one is relative to.

Settings hold absolute paths only. So a checkpoint, or a command that is printed for later, means
the same file from every folder.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, get_args

from pulse_cli.config.address import looks_like_host
from pulse_cli.config.fields import expanded
from pulse_cli.config.tree import leaves

_PATH_OR_MORE: dict[tuple[str, ...], str] = {
    ("qdrant", "url"): "://",
    ("chunk", "tokenizer"): "hub:",
}
"""Settings that hold a path unless this is in them."""


def absolute(setting: tuple[str, ...], value: Any, folder: Path) -> Any:
    """`value` with a relative path made absolute, as if it were written in `folder`."""
    if not isinstance(value, str) or not value or "\0" in value or setting not in _paths():
        return value
    other = _PATH_OR_MORE.get(setting)
    if other is not None and (other in value or looks_like_host(value)):
        return value
    try:
        return str(folder / expanded(value))
    except ValueError:  # validation reports the fault
        return value


@cache
def _paths() -> frozenset[tuple[str, ...]]:
    own = (leaf.path for leaf in leaves() if _holds_path(leaf.field.annotation))
    return frozenset({*own, *_PATH_OR_MORE})


def _holds_path(kind: Any) -> bool:
    return kind is Path or any(_holds_path(one) for one in get_args(kind))
