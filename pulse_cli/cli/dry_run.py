"""What a dry run found: a page for people, and the object of `--dry-run --json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pulse_cli import numbers
from pulse_cli.cli.exit_codes import Exit, exit_of_error
from pulse_cli.cli.layout import rows, trouble, width_of
from pulse_cli.engine import DryRun
from pulse_cli.engine.prune import StalePages
from pulse_cli.sanitize import sanitize

URLS_SHOWN = 20
LOCAL_CHUNKS_PER_S = 35.0  # all-MiniLM-L6-v2 in int8 at 256 tokens, on two cores
TEI_TOKENS_PER_S = 900_000.0  # a small model (bge-small) on one L4


def exit_code_of(found: DryRun) -> Exit:
    """The exit code that `index` would give: 4 if it would refuse to prune, 3 if records are dead
    letters, 2 if there is nothing to index."""
    if found.refusal is not None:
        return exit_of_error(found.refusal.kind)
    return Exit.DEAD_LETTERS if found.counts.dead else Exit.OK


def as_object(found: DryRun, *, local: bool) -> dict[str, Any]:
    """The one JSON object of `pulse index --dry-run --json`."""
    counts = found.counts
    return {
        "dry_run": True,
        "complete": found.complete,
        "exit_code": exit_code_of(found),
        "records": counts.records,
        "documents": {
            "to_index": counts.indexed,
            "skipped": sum(counts.skipped.values()),
            "dead": sum(counts.dead.values()),
        },
        "skipped": dict(counts.skipped),
        "dead": dict(counts.dead),
        "no_document": dict(counts.no_document),
        "chunks": counts.chunks,
        "tokens": counts.tokens,
        "bytes_read": found.bytes_read,
        "bytes_text": counts.bytes_text,
        "duplicates": found.duplicates,
        "duplicate_urls": found.duplicate_urls,
        "longest": [asdict(page) for page in found.longest],
        "problems": found.problems,
        "notes": found.notes,
        "prune": None if found.stale is None else _stale(found.stale),
        "refused": None if found.refusal is None else str(found.refusal),
        "estimated_seconds": round(estimate(found, local=local), 1),
        "seconds": round(found.seconds, 3),
    }


def _stale(stale: StalePages) -> dict[str, Any]:
    return {
        "pages": stale.count,
        "hosts": {name: asdict(host) for name, host in stale.hosts.items()},
        "urls": stale.examples,
    }


def estimate(found: DryRun, *, local: bool) -> float:
    """The seconds that indexing would take at the rates above."""
    if local:
        return found.counts.chunks / LOCAL_CHUNKS_PER_S
    return found.counts.tokens / TEI_TOKENS_PER_S


def as_page(found: DryRun, *, local: bool) -> str:
    """The same for people, without the final newline."""
    counts = found.counts
    pages = numbers.plural(counts.indexed, "page")
    chunks = numbers.plural(counts.chunks, "chunk")
    head = f"Dry run: would index {pages} as {chunks} ({counts.tokens:,} tokens)."
    lines = [f"{head} Nothing was written.", ""]
    lines += rows(_rows(found, local=local), width_of())
    if found.stale is not None:
        lines += ["", *_stale_page(found.stale)]
    if found.refusal is not None:
        lines += ["", *trouble(str(found.refusal), found.refusal.hint, width_of())]
    return "\n".join(lines)


def _stale_page(stale: StalePages) -> Iterator[str]:
    yield f"Would remove {numbers.plural(stale.count, 'page')} that the crawl no longer holds:"
    for name, host in stale.hosts.items():
        yield f"  {host.stale:>7,} of {host.stored:,} pages of {sanitize(name)}"
    shown = stale.examples[:URLS_SHOWN]
    yield from (f"  {sanitize(url)}" for url in shown)
    if stale.count > len(shown):
        yield f"  and {stale.count - len(shown):,} more (--json lists the first 1,000)"


def _rows(found: DryRun, *, local: bool) -> Iterator[tuple[str, str]]:
    counts = found.counts
    if not found.complete:
        yield "stopped", "only the beginning was read"
    skipped, dead = sum(counts.skipped.values()), sum(counts.dead.values())
    yield "documents", f"{counts.indexed:,} to index, {skipped:,} skipped, {dead:,} dead"
    if counts.skipped:
        yield "skipped", numbers.reasons(counts.skipped)
    if counts.no_document:
        yield "no page", numbers.reasons(counts.no_document)
    if counts.dead:
        yield "dead", numbers.reasons(counts.dead)
    for problem in found.problems:
        yield "", problem
    if found.duplicates:
        again = numbers.plural(found.duplicates, "page")
        yield "duplicates", f"{again} with a URL that came before; the last one wins"
        for url in found.duplicate_urls:
            yield "", url
    for number, page in enumerate(found.longest):
        size = numbers.plural(page.chunks, "chunk")
        yield "" if number else "longest", f"{page.tokens:>9,} tokens in {size}: {page.url}"
    for note in found.notes:
        yield "note", note
    where = "the local model on two cores" if local else "a small model on one L4 GPU"
    yield "estimate", f"about {numbers.duration(estimate(found, local=local))} with {where}"
