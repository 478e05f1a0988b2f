"""Two reports side by side, and whether the new one is worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.bench.report import FORMAT
from pulse_cli.errors import Fatal, Kind
from pulse_cli.numbers import rate

_COMPARED = {
    "documents_per_s": True,
    "chunks_per_s": True,
    "mb_per_s": True,
    "efficiency": True,
    "fill": True,
    "cpu_s_per_mb": False,
    "cpu_ms_per_chunk": False,
    "peak_rss_bytes": False,
}
"""The figures compared, and whether more of it is better."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure then and now. `worse` is the share by which it got worse, negative if better."""

    profile: str
    figure: str
    then: float
    now: float
    worse: float


def load_report(path: Path) -> dict[str, Any]:
    """What `--save` wrote. Raises Fatal (exit 2) where it is not that."""
    try:
        report: Any = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Fatal(f"{path}: {error}", kind=Kind.USAGE) from error
    if not isinstance(report, dict) or report.get("pulse_bench") != FORMAT:
        raise Fatal(f"{path}: not a report of `pulse bench --save`", kind=Kind.USAGE)
    return report


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Every figure that both reports have, of every profile that both measured."""
    found = []
    for name, new in now["profiles"].items():
        old = then["profiles"].get(name)
        if old is not None:
            found += list(_changes(name, old, new))
    return found


def _changes(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for figure, more_is_better in _COMPARED.items():
        before, after = _figure(old, figure), _figure(new, figure)
        if before and after is not None:
            grown = after / before - 1
            yield Change(name, figure, before, after, -grown if more_is_better else grown)


def _figure(profile: Mapping[str, Any], name: str) -> float | None:
    value = profile["rates"].get(name, profile.get(name))
    return None if value is None else float(value)


def side_by_side(found: list[Change], threshold: float) -> str:
    """A table; regressions past the threshold are marked."""
    lines = [f"{'':<28} {'then':>12} {'now':>12} {'change':>9}"]
    for one in found:
        mark = "  worse" if one.worse > threshold else ""
        label = f"{one.profile} {one.figure}"
        grown = one.now / one.then - 1
        lines.append(
            f"{label:<28} {_number(one.then):>12} {_number(one.now):>12} {grown:>+9.1%}{mark}"
        )
    return "\n".join(lines)


def _number(value: float) -> str:
    return rate(value) if value >= 10 else f"{value:.3f}"
