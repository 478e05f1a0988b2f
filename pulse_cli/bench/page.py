"""The report as one web page with plots; it loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from pulse_cli.bench.plots import Points, bars, lines
from pulse_cli.bench.report import Measured
from pulse_cli.bench.sample import Recording
from pulse_cli.bench.text import as_page

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:720px;margin:2em auto;padding:0 1em;color:#222}
pre{background:#f6f6f6;padding:1em;overflow-x:auto;font-size:12px}
svg{display:block;margin:1em 0;font:11px system-ui,sans-serif;max-width:100%}
svg .t{font-weight:600;font-size:13px}
"""


def as_html(report: Mapping[str, Any], measured: Sequence[Measured], table: str = "") -> str:
    """The whole page. `table` is the one of a sweep."""
    parts = [f"<h1>pulse bench</h1><pre>{escape(as_page(report))}</pre>"]
    if table:
        parts.append(f"<h2>Sweep</h2><pre>{escape(table)}</pre>")
    if len(measured) > 1:
        rates = {one.name: _rate(report, one) for one in measured}
        parts.append(bars("Throughput", "chunks/s", rates))
    for one in measured:
        parts.append(f"<h2>{escape(one.name)}</h2>")
        parts += _plots(report["profiles"][one.name], one.recordings[-1])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>pulse bench</title>'
        f"<style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _rate(report: Mapping[str, Any], one: Measured) -> float:
    return float(report["profiles"][one.name]["rates"]["chunks_per_s"])


def _plots(profile: Mapping[str, Any], recording: Recording) -> list[str]:
    rss = [(s.at - recording.started.at, s.rss / 1e6) for s in recording.samples if s.rss]
    stages = profile["stages"]
    return [
        lines("Chunks per second", "s", {"embedded": _speed(recording)}),
        lines("Services' busy share", "s", _busy(recording)),
        lines("Memory of pulse, MB", "s", {"resident": rss}),
        lines("Requests in flight", "s", _in_flight(recording)),
        bars("Latency, p95", "ms", {name: stage["p95_ms"] for name, stage in stages.items()}),
    ]


def _speed(recording: Recording) -> Points:
    return [
        (b.at - recording.started.at, (b.chunks - a.chunks) / (b.at - a.at))
        for a, b in pairwise(recording.samples)
        if b.at > a.at
    ]


def _busy(recording: Recording) -> dict[str, Points]:
    """Share of its places each service had at work, between one sample and the next."""
    found: dict[str, list[tuple[float, float]]] = {"embedder": [], "store": []}
    for a, b in pairwise(recording.samples):
        for name, then, now in (("embedder", a.tei, b.tei), ("store", a.qdrant, b.qdrant)):
            if then and now and now["seconds"] > then["seconds"]:
                spent = (now["seconds"] - then["seconds"]) * now["places"]
                share = (now["busy_s"] - then["busy_s"]) / spent
                found[name].append((b.at - recording.started.at, share))
    return {name: points for name, points in found.items() if points}


def _in_flight(recording: Recording) -> dict[str, Points]:
    names = ("embed", "store")
    return {
        name: [
            (s.at - recording.started.at, s.stages[name]["in_flight"])
            for s in recording.samples
            if name in s.stages
        ]
        for name in names
    }
