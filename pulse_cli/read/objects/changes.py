"""The errors for an object that has changed since the run began."""

from __future__ import annotations

from pulse_cli.errors import SourceChanged

_HINT = "--restart indexes the sources from their beginning; so does --on-changed-source restart"


def changed(name: str) -> SourceChanged:
    return SourceChanged(f"{name} has been replaced since this run began", hint=_HINT)


def gone(name: str) -> SourceChanged:
    return SourceChanged(f"{name} is gone", hint=f"put it back; {_HINT}")
