"""What a dry run found: a page for people, and the object of `--dry-run --json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pulse_cli.cli import figures
from pulse_cli.cli.safe import safe
from pulse_cli.cli.summary import as_object as summary_object
from pulse_cli.dryrun import DryRun


def as_object(found: DryRun) -> dict[str, Any]:
    """The object of a run, and `dry_run` with what only a dry run tells."""
    return {
        **summary_object(found.summary),
        "dry_run": {
            "longest": [asdict(page) for page in found.longest],
            "duplicates": found.duplicates,
            "duplicate_urls": found.duplicate_urls,
            "problems": found.problems,
            "estimated_s": found.estimated_s,
        },
    }


def as_page(found: DryRun) -> str:
    """The same for people, without the final newline."""
    counts = found.summary.counts
    pages = figures.plural(counts.indexed, "page")
    chunks = figures.plural(counts.chunks, "chunk")
    lines = [f"Would index {pages} as {chunks} ({counts.tokens:,} tokens). Nothing was written."]
    lines += ["", *(f"  {name:<10} {safe(text)}".rstrip() for name, text in _rows(found))]
    return "\n".join(lines)


def _rows(found: DryRun) -> Iterator[tuple[str, str]]:
    counts = found.summary.counts
    skipped, dead = sum(counts.skipped.values()), sum(counts.dead.values())
    yield "documents", f"{counts.indexed:,} to index, {skipped:,} skipped, {dead:,} dead"
    for name, reasons in (
        ("skipped", counts.skipped),
        ("no page", counts.no_document),
        ("dead", counts.dead),
    ):
        if reasons:
            yield name, figures.reasons(reasons)
    for problem in found.problems:
        yield "", problem
    if found.duplicates:
        yield "same URL", f"{found.duplicates:,} came before; the last version is kept"
    for url in found.duplicate_urls:
        yield "", url
    for number, page in enumerate(found.longest):
        size = figures.plural(page.chunks, "chunk")
        yield "" if number else "longest", f"{size}, {page.chars:,} characters: {page.url}"
    for note in found.summary.notes:
        yield "note", note
    if found.estimated_s is not None:
        yield "estimate", f"about {figures.duration(found.estimated_s)} to embed on this machine"
