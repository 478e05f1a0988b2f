"""The one sentence that says how a run ended: the last line on stderr and in the log."""

from __future__ import annotations

from pulse_cli import numbers
from pulse_cli.cli.exit_codes import Exit, exit_of_run
from pulse_cli.errors import Kind
from pulse_cli.events import Counts, Summary


def sentence(summary: Summary) -> str:
    """`Indexed 20 pages as 51 chunks (9,120 tokens) in 3.1 s.`, and the like."""
    text = _what_happened(summary)
    counts = summary.counts
    if summary.status == "complete" and (dead := sum(counts.dead.values())):
        text += f"; {numbers.plural(dead, 'record is a dead letter', 'records are dead letters')}"
    code = exit_of_run(summary)
    return f"{text}." if code is Exit.OK else f"{text} (exit {int(code)})."


def level(summary: Summary) -> str:
    """How serious the end of the run is, as a level of messages."""
    if summary.error is not None:
        return "error"
    return "info" if exit_of_run(summary) is Exit.OK else "warning"


def has_begun(summary: Summary) -> bool:
    """Whether the run began, so that there is more to say than why it did not."""
    return bool(summary.run_id)


def _what_happened(summary: Summary) -> str:
    counts, earlier, error = summary.counts, summary.earlier, summary.error
    if not has_begun(summary):
        return f"Not started: {error.message.splitlines()[0]}" if error else "Not started"
    if error is not None and error.kind is Kind.NOTHING_TO_INDEX:
        return "Nothing was indexed"
    spent = numbers.duration(summary.seconds)
    if summary.status == "complete" and error is None:
        return f"{_work(summary)} in {spent}"
    now = f"{numbers.plural(_new_pages(summary), 'page')} indexed"
    if earlier.records:
        now += f" since this start, {counts.indexed:,} in all"
    if error is not None:
        happened = error.message.splitlines()[0]
        if summary.status == "complete":
            return f"{_work(summary)} in {spent}, but {happened}"
        return f"Stopped after {spent} with {now}: {happened}"
    if summary.status == "limited":
        return f"Stopped after {numbers.plural(_done(summary), 'record')}, as --limit asks: {now}"
    return f"Interrupted after {spent}: {now}, nothing is lost, and the same command goes on"


def _work(summary: Summary) -> str:
    """What a complete run did."""
    counts, earlier = summary.counts, summary.earlier
    pages = _new_pages(summary)
    if not counts.indexed and counts.unchanged:
        held = numbers.plural(counts.unchanged, "page is", "pages are")
        return f"Nothing has changed: {held} in the index as before; looked through"
    made = (
        f"{numbers.plural(pages, 'page')} as {numbers.plural(_since(summary, 'chunks'), 'chunk')}"
    )
    made += f" ({_since(summary, 'tokens'):,} tokens)"
    if not earlier.records:
        same = f", found {counts.unchanged:,} unchanged," if counts.unchanged else ""
        return f"Indexed {made}{same}"
    return f"Went on where the run had stopped and indexed {made}, {counts.indexed:,} in all,"


def _done(summary: Summary) -> int:
    return summary.counts.records - summary.earlier.records


def _new_pages(summary: Summary) -> int:
    """Pages that this process has added to the index or replaced in it."""
    return max(0, _since(summary, "indexed"))


def _since(summary: Summary, field: str) -> int:
    """How much a count has grown since this process began."""
    before: Counts = summary.earlier
    return int(getattr(summary.counts, field)) - int(getattr(before, field))
