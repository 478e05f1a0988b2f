"""The report for people: plain lines, as wide as they need to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulse_cli.numbers import count, plural, rate, size

Row = tuple[str, str]


def as_page(report: Mapping[str, Any]) -> str:
    """The whole report, without the final newline."""
    machine = report["machine"]
    lines = [f"pulse {report['version']} on {machine['cores']} cores, Python {machine['python']}"]
    if report["corpus"]:
        corpus = report["corpus"]
        lines[0] += f"; {plural(corpus['documents'], 'page')}, {size(corpus['bytes_text'])} of text"
    for profile in report["profiles"].values():
        lines += ["", f"{profile['profile']}{_runs(profile)}", *_aligned(_rows(profile))]
    return "\n".join(lines)


def _runs(profile: Mapping[str, Any]) -> str:
    settings = "".join(f", {name} {value}" for name, value in profile["settings"].items())
    runs = profile["runs"]
    return settings if runs == 1 else f"{settings}: median of {runs} runs (min to max)"


def _rows(profile: Mapping[str, Any]) -> Iterator[Row]:
    rates = profile["rates"]
    yield (
        "speed",
        f"{rate(rates['documents_per_s'])} pages/s, {rate(rates['chunks_per_s'])} chunks/s"
        f"{_spread(profile, 'chunks_per_s')}, {count(rates['tokens_per_s'])} tokens/s,"
        f" {rate(rates['mb_per_s'])} MB/s of text",
    )
    yield from _ceiling(profile)
    yield (
        "cpu",
        f"{profile['cpu_s_per_mb']:.3f} s per MB{_spread(profile, 'cpu_s_per_mb')},"
        f" {profile['cpu_ms_per_chunk']:.3f} ms per chunk, {profile['cpu_share']:.2f} cores",
    )
    yield (
        "memory",
        f"{size(profile['peak_rss_bytes'])} at most; the last fifth of the run held"
        f" {profile['rss_growth']:.2f} times what the second did",
    )
    yield (
        "start-up",
        f"{profile['startup_s']:.1f} s, {profile['startup_cpu_s']:.2f} s of CPU:"
        " not in the figures above",
    )
    for name, stage in profile["stages"].items():
        yield (
            name,
            f"busy {stage['busy']:.0%} of the time, at its limit ({stage['limit']:.0f})"
            f" {stage['full']:.0%};"
            f" p50 {stage['p50_ms']:.0f} ms, p95 {stage['p95_ms']:.0f}, p99 {stage['p99_ms']:.0f}",
        )
    bottleneck = profile["bottleneck"]
    yield "bottleneck", f"{bottleneck['stage']}: {bottleneck['why']}"
    yield "", bottleneck["change"]
    yield from _compared(profile)
    for note in profile["notes"]:
        yield "note", note


def _ceiling(profile: Mapping[str, Any]) -> Iterator[Row]:
    most, busy = profile["ceiling"], profile["efficiency"]
    if most is None or busy is None:
        return
    share = profile["rates"]["chunks_per_s"] / most["chunks_per_s"]
    yield (
        "efficiency",
        f"{busy:.3f}{_spread(profile, 'efficiency')}: the embedder's busy share over"
        f" {profile['steady_s']:.0f} s; requests {profile['fill']:.1%} full,"
        f" {profile['overloaded']:.0f} refused (429)",
    )
    yield (
        "ceiling",
        f"{rate(most['chunks_per_s'])} chunks/s; reached {share:.1%} over the run and"
        f" {profile['steady_chunks_per_s'] / most['chunks_per_s']:.1%} in the steady state",
    )


def _spread(profile: Mapping[str, Any], name: str) -> str:
    found = profile["spread"][name]
    if profile["runs"] == 1 or found is None:
        return ""
    form = rate if found["max"] >= 10 else "{:.3f}".format
    return f" ({form(found['min'])} to {form(found['max'])})"


def _compared(profile: Mapping[str, Any]) -> Iterator[Row]:
    for one in profile["baseline"] or ():
        sample = f"{plural(one['documents'], 'page')} in {one['seconds']:.0f} s"
        yield (
            one["name"],
            f"{rate(one['documents_per_s'])} pages/s (a sample of {sample}, extrapolated);"
            f" pulse is {rate(one['speedup'])} times as fast by pages,"
            f" {rate(one['speedup_chunks'])} by chunks",
        )
    yield from _documented(profile["baseline"] or ())
    if again := profile["rerun"]:
        yield (
            "unchanged",
            f"indexed again in {again['seconds']:.1f} s, {rate(again['documents_per_s'])} pages/s,"
            f" {plural(again['chunks'], 'chunk')} embedded: {rate(again['speedup'])} times as fast",
        )


def _documented(baselines: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """A gather's speed-up over one page at a time, beside what the original documented."""
    alone = [b["documents_per_s"] for b in baselines if b["in_flight"] == 1]
    for one in baselines:
        if alone and alone[0] and one["in_flight"] > 1:
            found = f"{one['name']} is {one['documents_per_s'] / alone[0]:.2f} times sequential"
            documented = one["documented_over_sequential"]
            yield "", found + (f"; its makers documented {documented}" if documented else "")


def _aligned(rows: Iterator[Row]) -> list[str]:
    return [f"  {name:<11} {text}" for name, text in rows]
