"""One setting through several values: `concurrency=1,2,4,8`, or any setting by its dotted name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulse_cli.bench.measure import Plan
from pulse_cli.errors import Fatal, Kind
from pulse_cli.numbers import rate

_SHORT = {"concurrency": "run.concurrency", "batch": "embed.batch", "tokens": "chunk.max_tokens"}
BAR = 40


@dataclass(frozen=True, slots=True)
class Sweep:
    """A setting by its dotted name, and the values it takes one after the other."""

    setting: str
    values: tuple[str, ...]

    def plans(self, plan: Plan) -> Iterator[tuple[str, Plan]]:
        """Each step's name and plan."""
        short = {long: name for name, long in _SHORT.items()}.get(self.setting, self.setting)
        for value in self.values:
            settings = {**plan.settings, self.setting: value}
            yield f"{short}={value}", replace(plan, settings=settings)


def parse_sweep(text: str) -> Sweep:
    """Raises Fatal (exit 2) where it is not `name=value,value`."""
    name, _, listed = text.partition("=")
    values = tuple(value.strip() for value in listed.split(",") if value.strip())
    setting = _SHORT.get(name.strip(), name.strip())
    if not values or "." not in setting:
        raise Fatal(
            f"--sweep {text}: expected a setting and its values",
            hint=f"such as concurrency=1,2,4 ({', '.join(_SHORT)}, or a setting's dotted name)",
            kind=Kind.USAGE,
        )
    return Sweep(setting, values)


def as_table(steps: Sequence[Mapping[str, Any]]) -> str:
    """A row and a bar for each step; the fullest bar is the fastest."""
    most = max((step["rates"]["chunks_per_s"] for step in steps), default=0.0) or 1.0
    width = max(len(step["profile"]) for step in steps)
    lines = [f"{'':<{width}} {'chunks/s':>9} {'busy':>5} {'p95 ms':>7} {'429':>4}"]
    for step in steps:
        chunks = step["rates"]["chunks_per_s"]
        busy = "" if step["efficiency"] is None else f"{step['efficiency']:.2f}"
        refused = "" if step["overloaded"] is None else f"{step['overloaded']:.0f}"
        p95 = step["stages"].get("embed", {}).get("p95_ms", 0.0)
        bar = "█" * round(BAR * chunks / most)
        lines.append(
            f"{step['profile']:<{width}} {rate(chunks):>9} {busy:>5} {p95:>7.0f} {refused:>4} {bar}"
        )
    return "\n".join(lines)
