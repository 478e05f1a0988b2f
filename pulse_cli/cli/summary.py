"""How a run ended: a page for people, and the object of `--json`.

The object has the same keys whatever the exit code, so a script never has to guess:
`records` is the sum of `documents`; counts cover the run over all its starts; `seconds`,
`cpu_seconds`, `peak_rss_bytes`, `rates`, `stages` and `embed_requests` this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pulse_cli.cli import numbers
from pulse_cli.cli.layout import rows, trouble, width_of
from pulse_cli.cli.sanitize import mask_credentials, safe
from pulse_cli.errors import Exit
from pulse_cli.events import Problem, StageStats, Summary, Target


def as_object(summary: Summary) -> dict[str, Any]:
    """The one JSON object of `pulse index --json`."""
    counts = summary.counts
    return {
        "run_id": summary.run_id,
        "status": summary.status,
        "exit_code": int(summary.exit_code),
        "sources": [mask_credentials(name) for name in summary.sources],
        "target": asdict(summary.target),
        "records": counts.records,
        "documents": {
            "indexed": counts.indexed,
            "unchanged": counts.unchanged,
            "skipped": sum(counts.skipped.values()),
            "dead": sum(counts.dead.values()),
        },
        "skipped": dict(counts.skipped),
        "dead": dict(counts.dead),
        "chunks": counts.chunks,
        "tokens": counts.tokens,
        "bytes_read": summary.bytes_read,
        "bytes_text": counts.bytes_text,
        "embed_requests": summary.embed_requests,
        "seconds": round(summary.seconds, 3),
        "cpu_seconds": round(summary.cpu_seconds, 3),
        "peak_rss_bytes": summary.peak_rss_bytes,
        "rates": rates(summary),
        "stages": {name: _stage(stage) for name, stage in summary.stages.items()},
        "no_document": dict(counts.no_document),
        "truncated": counts.truncated,
        "pruned": summary.pruned,
        "checkpoint": summary.checkpoint,
        "dead_letters": summary.dead_letters,
        "resume": summary.resume,
        "error": None if summary.error is None else asdict(summary.error),
    }


def failed(kind: str, message: str, hint: str, exit_code: Exit) -> dict[str, Any]:
    """The same object for a run that never began."""
    return as_object(
        Summary(
            run_id="",
            status="failed",
            exit_code=exit_code,
            sources=(),
            target=Target("", "", "", 0),
            error=Problem(kind, mask_credentials(message), mask_credentials(hint)),
        )
    )


def rates(summary: Summary) -> dict[str, float]:
    """Per second of this process; MB are decimal and of the input as stored."""
    seconds = summary.seconds or float("inf")
    return {
        "documents_per_s": round(summary.documents_done / seconds, 3),
        "chunks_per_s": round(summary.chunks_embedded / seconds, 3),
        "tokens_per_s": round(summary.tokens_embedded / seconds, 3),
        "mb_per_s": round(summary.bytes_read / 1e6 / seconds, 6),
    }


def _stage(stage: StageStats) -> dict[str, float]:
    return {
        "busy_s": round(stage.busy_s, 3),
        "p50_ms": round(stage.p50_ms, 3),
        "p95_ms": round(stage.p95_ms, 3),
        "p99_ms": round(stage.p99_ms, 3),
    }


def as_page(summary: Summary, search: str) -> str:
    """The same for people, without the final newline. `search` is the command to go on with."""
    width = width_of()
    lines = [_headline(summary), "", *rows(_rows(summary), width)]
    lines += rows((("note", note) for note in summary.notes), width)
    if summary.error is not None:
        lines += ["", *trouble(summary.error.message, summary.error.hint, width)]
    if steps := list(_next_steps(summary, search)):
        lines += ["", *(f"{what:<12} {safe(command)}" for what, command in steps)]
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
