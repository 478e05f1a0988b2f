"""The summary page of a run, for people: errors come first, the last line sums it up."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pulse_cli import numbers
from pulse_cli.app.summary_json import rates
from pulse_cli.cli import ending
from pulse_cli.cli.layout import rows, trouble, width_of
from pulse_cli.events import Counts, Summary
from pulse_cli.remedies import DEAD
from pulse_cli.sanitize import sanitize


def as_page(summary: Summary, search: str) -> str:
    """The page, without the final newline. `search` is the command that searches the index."""
    width = width_of()
    parts = []
    if summary.error is not None:
        parts.append(trouble(summary.error.message, summary.error.hint, width))
    if not ending.has_begun(summary):
        return "\n".join(line for part in parts for line in part)
    if summary.counts.records or summary.counts.no_document or summary.notes:
        parts.append(rows(_rows(summary), width))
    if steps := list(_next_steps(summary, search)):
        parts.append([f"{what:<12} {sanitize(command)}" for what, command in steps])
    parts.append([sanitize(ending.sentence(summary))])
    return "\n\n".join("\n".join(part) for part in parts)


def as_line(summary: Summary) -> str:
    """The short form of the page: the error, and the last line."""
    error = summary.error
    lines = trouble(error.message, error.hint, width_of()) if error else []
    if ending.has_begun(summary):
        lines.append(sanitize(ending.sentence(summary)))
    return "\n".join(lines)


def _rows(summary: Summary) -> Iterator[tuple[str, str]]:
    counts, per = summary.counts, rates(summary)
    yield "pages", outcomes(counts)
    if counts.skipped:
        yield "skipped", numbers.reasons(counts.skipped)
    if counts.no_document:
        yield "no page", numbers.reasons(counts.no_document)
    yield from dead_rows(counts.dead, summary.dead_examples)
    if summary.dead_letters:
        yield "kept in", summary.dead_letters
    if summary.pruned:
        yield "pruned", f"{numbers.plural(summary.pruned, 'page')} that the crawl no longer holds"
    if counts.truncated:
        cut = numbers.plural(counts.truncated, "chunk")
        yield "truncated", f"{cut} cut by the server: its limit is lower than chunk.max_tokens"
    if summary.chunks_embedded:
        yield (
            "speed",
            (
                f"{numbers.rate(per['documents_per_s'])} pages/s, "
                f"{numbers.rate(per['chunks_per_s'])} chunks/s, "
                f"{numbers.count(per['tokens_per_s'])} tokens/s"
            ),
        )
    if summary.target.store:
        model = f"{summary.target.embed}, {summary.target.dimension} dimensions"
        yield "index", f"{summary.target.collection} in {summary.target.store} ({model})"
    for note in summary.notes:
        yield "note", note


def outcomes(counts: Counts) -> str:
    """`2 indexed, 1 unchanged, 3 skipped, 1 dead letter`; what did not occur is left out."""
    letters = sum(counts.dead.values())
    more = (
        (counts.unchanged, "unchanged"),
        (counts.superseded, "superseded by a later version in the input"),
        (sum(counts.skipped.values()), "skipped"),
        (letters, "dead letter" if letters == 1 else "dead letters"),
    )
    return ", ".join(
        [f"{counts.indexed:,} indexed", *(f"{number:,} {word}" for number, word in more if number)]
    )


def dead_rows(
    dead: Mapping[str, int], examples: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """For every reason: its count, one example with its place, and what to do."""
    for reason, count in sorted(dead.items(), key=lambda item: -item[1]):
        text = f"{count:,} {reason}"
        if one := examples.get(reason):
            such = "" if count == 1 else ", such as"
            text += f"{such}: {shown_path(one['source'])}:{one['line']}: {one['detail']}"
        yield "dead", text
        if reason in DEAD:
            yield "", f"to do: {DEAD[reason].remedy}"


def shown_path(name: str) -> str:
    """A path below the working folder as a relative path; other paths as they are."""
    try:
        return str(Path(name).relative_to(Path.cwd())) if os.path.isabs(name) else name  # noqa: PTH117
    except (ValueError, OSError):
        return name


def _next_steps(summary: Summary, search: str) -> Iterable[tuple[str, str]]:
    if summary.resume:
        if summary.status == "complete":
            yield "Retry dead:", summary.resume
        elif "-" in summary.sources:
            yield "Go on:", f"pipe the same input into: {summary.resume}"
        else:
            yield "Go on:", summary.resume
    if summary.status == "complete" and summary.counts.indexed + summary.counts.unchanged:
        yield "Search:", f'{search} "your words"'
