"""How a run ended, as a page for people."""

from __future__ import annotations

from collections.abc import Iterator

from pulse_cli import numbers
from pulse_cli.app.summary_json import rates
from pulse_cli.cli.layout import rows, trouble, width_of
from pulse_cli.events import Summary
from pulse_cli.sanitize import sanitize


def as_page(summary: Summary, search: str) -> str:
    """The same for people, without the final newline. `search` is the command to go on with."""
    width = width_of()
    lines = [_headline(summary), "", *rows(_rows(summary), width)]
    lines += rows((("note", note) for note in summary.notes), width)
    if summary.error is not None:
        lines += ["", *trouble(summary.error.message, summary.error.hint, width)]
    if steps := list(_next_steps(summary, search)):
        lines += ["", *(f"{what:<12} {sanitize(command)}" for what, command in steps)]
    return "\n".join(lines)


def _headline(summary: Summary) -> str:
    counts = summary.counts
    done = f"{numbers.plural(counts.indexed, 'page')} as {numbers.plural(counts.chunks, 'chunk')}"
    spent = numbers.duration(summary.seconds)
    if summary.status == "complete":
        return f"Indexed {done} ({counts.tokens:,} tokens) in {spent}."
    word = "Interrupted" if summary.status == "interrupted" else "Stopped"
    return f"{word} after {spent}, with {done} indexed. What is indexed is safe."


def _rows(summary: Summary) -> Iterator[tuple[str, str]]:
    counts, per = summary.counts, rates(summary)
    skipped, dead = sum(counts.skipped.values()), sum(counts.dead.values())
    outcomes = f"{counts.indexed:,} indexed, {counts.unchanged:,} unchanged"
    yield "documents", f"{outcomes}, {skipped:,} skipped, {dead:,} dead"
    if counts.skipped:
        yield "skipped", numbers.reasons(counts.skipped)
    if counts.no_document:
        yield "no page", numbers.reasons(counts.no_document)
    if counts.dead:
        yield "dead", numbers.reasons(counts.dead)
    if summary.dead_letters:
        yield "", f"kept in {summary.dead_letters}"
    if summary.pruned:
        yield "pruned", f"{numbers.plural(summary.pruned, 'page')} that the crawl no longer holds"
    if counts.truncated:
        cut = numbers.plural(counts.truncated, "chunk")
        yield "truncated", f"{cut} cut by the server: its limit is lower than chunk.max_tokens"
    if summary.documents_done:
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


def _next_steps(summary: Summary, search: str) -> Iterator[tuple[str, str]]:
    if summary.resume:
        done = summary.status == "complete"
        yield ("Retry dead:" if done else "Go on:"), summary.resume
    if summary.status == "complete" and summary.counts.indexed + summary.counts.unchanged:
        yield "Search:", search
