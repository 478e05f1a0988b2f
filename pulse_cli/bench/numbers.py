"""The figures of one run, from its recording.

Start-up (imports, the services' limits, the tokenizer) is left out of every rate and of CPU per
MB, and told apart; ramp-up and the tail are in them. `efficiency` alone is of the steady
state: from 5 s after the start (of a short run: its first fifth) until 95 % of its chunks are
embedded, or until its time is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulse_cli.bench.sample import Recording, Sample

RAMP_SECONDS = 5.0
_MB = 1e6


@dataclass(frozen=True, slots=True)
class StageFigures:
    """`busy` is the share of time with a request in flight, `full` of samples at its limit."""

    busy: float
    full: float
    limit: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Rates are per second from the start to the end, MB are 10^6 bytes of text.

    `cpu_share` is of one core. `fill` is texts per request over the most a request may hold;
    it, `efficiency` (busy share of the embedding server), `store_busy`, `overloaded` (429s)
    and the like are None where the services are real ones.
    """

    seconds: float
    startup_s: float
    startup_cpu_s: float
    documents: int
    chunks: int
    tokens: int
    bytes_text: int
    documents_per_s: float
    chunks_per_s: float
    tokens_per_s: float
    mb_per_s: float
    cpu_s_per_mb: float
    cpu_ms_per_chunk: float
    cpu_share: float
    peak_rss_bytes: int
    rss_growth: float
    steady_s: float
    steady_chunks_per_s: float
    efficiency: float | None
    store_busy: float | None
    fill: float | None
    overloaded: int | None
    stages: Mapping[str, StageFigures]


def figures_of(recording: Recording) -> Figures:
    """Sum up one run."""
    begin, end = (
        recording.started,
        recording.end if not recording.stopped else recording.samples[-2],
    )
    first, last = steady_window(recording)
    # Of a run cut short, what was done lags behind what was worked at; the steady state does not.
    low, high = (first, last) if recording.stopped else (begin, end)
    seconds = _over(end.at - begin.at)
    cpu_s = high.cpu_s - low.cpu_s
    steady_s = last.at - first.at
    return Figures(
        seconds=end.at - begin.at,
        startup_s=begin.at - recording.launched,
        startup_cpu_s=begin.cpu_s,
        documents=end.documents,
        chunks=end.chunks,
        tokens=end.tokens,
        bytes_text=end.bytes_text,
        documents_per_s=end.documents / seconds,
        chunks_per_s=end.chunks / seconds,
        tokens_per_s=end.tokens / seconds,
        mb_per_s=end.bytes_text / _MB / seconds,
        cpu_s_per_mb=cpu_s / _over((high.bytes_text - low.bytes_text) / _MB),
        cpu_ms_per_chunk=1e3 * cpu_s / _over(high.chunks - low.chunks),
        cpu_share=(last.cpu_s - first.cpu_s) / _over(steady_s),
        peak_rss_bytes=int(recording.summary["peak_rss_bytes"]),
        rss_growth=rss_growth(recording),
        steady_s=steady_s,
        steady_chunks_per_s=(last.chunks - first.chunks) / _over(steady_s),
        efficiency=_busy(first, last, "tei"),
        store_busy=_busy(first, last, "qdrant"),
        fill=_fill(end),
        overloaded=None if end.tei is None else int(end.tei["overloaded"]),
        stages=_stages(recording, first, last),
    )


def steady_window(recording: Recording) -> tuple[Sample, Sample]:
    """The first and the last sample of the steady state."""
    samples = recording.samples[:-1] or recording.samples
    begin = recording.started.at
    ramp = min(RAMP_SECONDS, (recording.end.at - begin) / 5)
    most = 0.95 * recording.end.chunks if not recording.stopped else float("inf")
    steady = [s for s in samples if s.at - begin >= ramp and s.chunks <= most]
    if len(steady) < 2:
        return recording.started, recording.end
    return steady[0], steady[-1]


def rss_growth(recording: Recording) -> float:
    """Memory over the last fifth of the run by that over its second fifth; 1.0 is flat."""
    held = [s.rss for s in recording.samples if s.rss]
    fifth = len(held) // 5
    if fifth < 2:
        return 1.0
    early, late = held[fifth : 2 * fifth], held[-fifth:]
    return (sum(late) / len(late)) / (sum(early) / len(early))


def _busy(first: Sample, last: Sample, which: str) -> float | None:
    """Share of its places that a simulator had at work between two of its own accounts."""
    a, b = getattr(first, which), getattr(last, which)
    if a is None or b is None:
        return None
    return float((b["busy_s"] - a["busy_s"]) / _over((b["seconds"] - a["seconds"]) * b["places"]))


def _fill(end: Sample) -> float | None:
    return None if end.tei is None else float(end.tei["fill"])


def _stages(recording: Recording, first: Sample, last: Sample) -> dict[str, StageFigures]:
    steady = [s for s in recording.samples if first.at <= s.at <= last.at and s.stages]
    return {name: _stage(name, steady, last) for name in (last.stages or {})}


def _stage(name: str, steady: list[Sample], last: Sample) -> StageFigures:
    now = last.stages[name]
    before = steady[0].stages[name]
    seconds = _over(last.at - steady[0].at)
    full = [s for s in steady if s.stages[name]["in_flight"] >= s.stages[name]["limit"]]
    return StageFigures(
        busy=min(1.0, (now["busy_s"] - before["busy_s"]) / seconds),
        full=len(full) / len(steady),
        limit=now["limit"],
        p50_ms=now["p50_ms"],
        p95_ms=now["p95_ms"],
        p99_ms=now["p99_ms"],
    )


def _over(number: float) -> float:
    """What is safe to divide by: nothing done gives nothing, not an error."""
    return number if number > 0 else float("inf")


def spread(runs: list[Figures], name: str) -> dict[str, Any] | None:
    """Minimum, median and maximum of a figure over runs; None where it was not taken."""
    from statistics import median

    values = [getattr(run, name) for run in runs]
    if any(value is None for value in values):
        return None
    return {"min": min(values), "median": median(values), "max": max(values)}
