"""Refuses a source without a single record: that is a mistake, not an index of no pages.

Most often the wrong file was named, or a kind that pulse does not read, or the crawl before it
failed. With exit 0 a nightly job would look healthy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pulse_cli.errors import Fatal, Kind
from pulse_cli.events import Counts, Problem, Summary

_HINT = "name files or folders of crawled pages: see `pulse index --help`"
_NOTES_SHOWN = 3


def refuse_nothing(summary: Summary) -> Summary:
    """The summary of a complete run, changed to a failed one if there was nothing to index."""
    if summary.status != "complete" or summary.error is not None:
        return summary
    error = nothing_to_index(summary.counts, summary.notes)
    if error is None:
        return summary
    problem = Problem(error.kind, str(error), error.hint)
    return replace(summary, status="failed", error=problem, resume=None)


def nothing_to_index(counts: Counts, notes: Sequence[str]) -> Fatal | None:
    """The error for a source that was read to its end and held no record, else None."""
    if counts.records:
        return None
    found = "; ".join(notes[:_NOTES_SHOWN]) or _kinds(counts.no_document)
    message = f"nothing to index: {found}" if found else "nothing to index"
    return Fatal(message, hint=_HINT, kind=Kind.NOTHING_TO_INDEX)


def _kinds(no_document: Mapping[str, int]) -> str:
    """`1 map-output, 2 blank-line`."""
    return ", ".join(f"{number:,} {reason}" for reason, number in no_document.items())
