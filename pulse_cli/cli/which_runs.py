"""Finds the runs over the sources that a user names."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from pathlib import PurePath

from pulse_cli.app.sources import absolute_sources, is_path


def runs_over(named: Sequence[str]) -> Callable[[Sequence[str]], bool]:
    """A function that says whether a run over some sources matches; without names all runs match.

    A name is a source as it was given (from any folder), a folder above it, its last part alone,
    or a pattern with `*`. Raises Fatal (exit 2) where the working folder is gone.
    """
    wanted = list(zip(named, absolute_sources(named), strict=True))

    def matches(sources: Sequence[str]) -> bool:
        return not wanted or any(_is(source, *one) for source in sources for one in wanted)

    return matches


def _is(source: str, given: str, absolute: str) -> bool:
    if source in (given, absolute) or fnmatch.fnmatchcase(source, absolute):
        return True
    if not is_path(source):
        return fnmatch.fnmatchcase(source, given)
    path = PurePath(source)
    return path.is_relative_to(absolute) or fnmatch.fnmatchcase(path.name, given)
