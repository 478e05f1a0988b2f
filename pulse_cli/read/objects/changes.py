"""What is said of an object that is not what it was when the run began."""

from __future__ import annotations

from pulse_cli.errors import SourceChanged

_HINT = "--restart indexes the sources from their beginning; so does --on-changed-source restart"


def changed(name: str) -> SourceChanged:
    return SourceChanged(f"{name} is another object now than when this run began", hint=_HINT)


def gone(name: str) -> SourceChanged:
    return SourceChanged(f"{name} is gone", hint=f"put it back; {_HINT}")
