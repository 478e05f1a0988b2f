"""Collections and their contents: as pages for people, and as objects for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pulse_cli import numbers
from pulse_cli.cli.layout import rows
from pulse_cli.sanitize import sanitize

if TYPE_CHECKING:
    from pulse_cli.app.overview import Contents, Overview

UNKNOWN = "?"
_OLD = "not known: an older pulse wrote this collection; `pulse index` adds it"
_AGES = ((1, "today"), (7, "this week"), (30, "this month"), (90, "90 days"), (math.inf, "older"))
_MOST_ROWS = 20
_BAR = 30


def as_object(one: Overview) -> dict[str, Any]:
    found = asdict(one)
    return {**found, "aliases": list(one.aliases), "embedders": list(one.embedders)}


def contents_object(found: Contents) -> dict[str, Any]:
    """All that is known; `languages` has "" for pages without one."""
    return {
        **as_object(found.overview),
        "hosts": found.hosts,
        "languages": found.languages,
        "indexed_at": found.indexed_at,
    }


def stats_object(found: Contents) -> dict[str, Any]:
    """The numbers, with the distribution of chunk sizes in tokens."""
    return {
        **as_object(found.overview),
        "hosts": None if found.hosts is None else len(found.hosts),
        "languages": None if found.languages is None else len(found.languages),
        "runs": None if found.indexed_at is None else len(found.indexed_at),
        "chunk_tokens": None if found.chunk_tokens is None else distribution(found.chunk_tokens),
    }


def distribution(sizes: Mapping[int, int]) -> dict[str, Any] | None:
    """`min`, `p10`, `median`, `p90`, `max`, `mean`, and `histogram` of [from, to, chunks]."""
    ordered = sorted(sizes.items())
    total = sum(sizes.values())
    if not total:
        return None
    largest = ordered[-1][0]
    width = max(1, math.ceil((largest + 1) / 8))
    if width > 10:
        width = 10 * math.ceil(width / 10)
    histogram = [
        [start, start + width - 1, sum(n for size, n in ordered if start <= size < start + width)]
        for start in range(0, largest + 1, width)
    ]
    return {
        "min": ordered[0][0],
        **{name: _quantile(ordered, total, q) for name, q in _QUANTILES.items()},
        "max": largest,
        "mean": round(sum(size * n for size, n in ordered) / total, 1),
        "histogram": histogram,
    }


_QUANTILES = {"p10": 0.1, "median": 0.5, "p90": 0.9}


def _quantile(ordered: Sequence[tuple[int, int]], total: int, share: float) -> int:
    left = share * total
    for size, count in ordered:
        left -= count
        if left <= 0:
            return size
    return ordered[-1][0]


def listing(found: Sequence[Overview], width: int) -> str:
    """One collection after another, by place."""
    lines: list[str] = []
    store = ""
    for one in found:
        if one.store != store:
            store = one.store
            lines += ["", sanitize(store)]
        lines += [f"  {line}" for line in _summary_lines(one, width - 2)]
    return "\n".join(lines).lstrip("\n")


def _summary_lines(one: Overview, width: int) -> Iterator[str]:
    alias = f" (also {', '.join(one.aliases)})" if one.aliases else ""
    yield sanitize(one.name + alias)
    yield from rows(_figures(one), width)


def _figures(one: Overview) -> Iterator[tuple[str, str]]:
    if one.problem:
        yield "problem", one.problem
        return
    pages = UNKNOWN if one.pages is None else f"{one.pages:,}"
    chunks = UNKNOWN if one.chunks is None else f"{one.chunks:,}"
    unfinished = f", {one.unfinished:,} more unfinished" if one.unfinished else ""
    yield "pages", f"{pages} in {chunks} chunks{unfinished}"
    model = ", ".join(one.embedders) or UNKNOWN
    yield "vectors", f"{one.dimension} dimensions, by {model}"
    if one.bytes is not None:
        yield "size", numbers.size(one.bytes)
    yield "last run", one.last_run or UNKNOWN


def contents_page(found: Contents, width: int, now: datetime) -> str:
    lines = list(_summary_lines(found.overview, width))
    lines += _table("hosts", found.hosts)
    lines += _table("languages", _named(found.languages, "unknown"))
    lines += _table("indexed", None if found.indexed_at is None else ages(found.indexed_at, now))
    return "\n".join(lines)


def stats_page(found: Contents, width: int) -> str:
    """Like `contents_page`, but numbers only."""
    stats = stats_object(found)
    lines = list(_summary_lines(found.overview, width))
    counts = {name: stats[name] for name in ("hosts", "languages", "runs")}
    lines += rows(((k, UNKNOWN if n is None else f"{n:,}") for k, n in counts.items()), width)
    sizes = stats["chunk_tokens"]
    if sizes is None:
        return "\n".join([*lines, "", f"tokens per chunk: {_OLD}" if found.overview.chunks else ""])
    names = ("min", "p10", "median", "p90", "max", "mean")
    lines += ["", "tokens per chunk: " + ", ".join(f"{name} {sizes[name]:,}" for name in names)]
    most = max(count for _, _, count in sizes["histogram"])
    for start, end, count in sizes["histogram"]:
        bar = "#" * math.ceil(_BAR * count / most)
        lines.append(f"  {start:>6,} to {end:<6,} {count:>12,} {bar}".rstrip())
    return "\n".join(lines)


def ages(dates: Mapping[str, int], now: datetime) -> dict[str, int]:
    """Pages by age: how long ago the run began that wrote them."""
    found: dict[str, int] = {}
    for text, count in dates.items():
        name = _age(text, now)
        found[name] = found.get(name, 0) + count
    order = [name for _, name in _AGES]
    return {name: found[name] for name in [*order, UNKNOWN] if name in found}


def _age(text: str, now: datetime) -> str:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return UNKNOWN
    days = (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds() / 86400
    return next(name for most, name in _AGES if days < most)


def _named(found: Mapping[str, int] | None, silent: str) -> Mapping[str, int] | None:
    return None if found is None else {name or silent: n for name, n in found.items()}


def _table(title: str, found: Mapping[str, int] | None) -> list[str]:
    """The most frequent values, and how many more there are."""
    if found is None:
        return ["", f"{title}: {_OLD}"]
    lines = ["", title] if found else []
    for name, count in list(found.items())[:_MOST_ROWS]:
        lines.append(f"  {count:>10,}  {sanitize(name)}")
    if len(found) > _MOST_ROWS:
        rest = sum(list(found.values())[_MOST_ROWS:])
        lines.append(f"  {rest:>10,}  in {len(found) - _MOST_ROWS:,} more")
    return lines
