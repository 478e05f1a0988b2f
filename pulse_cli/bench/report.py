"""The figures of a benchmark as one JSON object: what `--json` prints and `--save` keeps."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pulse_cli.bench.baseline import DOCUMENTED, Baseline
from pulse_cli.bench.bottleneck import bottleneck_of
from pulse_cli.bench.corpus import Corpus
from pulse_cli.bench.numbers import Figures, spread
from pulse_cli.bench.sample import Recording

FORMAT = 1
FIGURES = (
    "documents_per_s",
    "chunks_per_s",
    "tokens_per_s",
    "mb_per_s",
    "cpu_s_per_mb",
    "cpu_ms_per_chunk",
    "cpu_share",
    "peak_rss_bytes",
    "rss_growth",
    "startup_s",
    "startup_cpu_s",
    "seconds",
    "steady_s",
    "steady_chunks_per_s",
    "efficiency",
    "store_busy",
    "fill",
    "overloaded",
)
_RATES = ("documents_per_s", "chunks_per_s", "tokens_per_s", "mb_per_s")


@dataclass(frozen=True, slots=True)
class Measured:
    """All runs of one profile (or of one step of a sweep). `ceiling` is chunks per second."""

    name: str
    runs: tuple[Figures, ...]
    recordings: tuple[Recording, ...]
    ceiling: float | None = None
    rerun: Figures | None = None
    baselines: tuple[Baseline, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def as_object(measured: Measured) -> dict[str, Any]:
    """One profile: medians of the runs as in `index --json`, and what only a benchmark knows."""
    spreads = {name: spread(list(measured.runs), name) for name in FIGURES}
    medians = {name: None if s is None else s["median"] for name, s in spreads.items()}
    middle = _middle(measured.runs)
    return {
        "profile": measured.name,
        "runs": len(measured.runs),
        "settings": dict(measured.settings),
        "documents": middle.documents,
        "chunks": middle.chunks,
        "tokens": middle.tokens,
        "bytes_text": middle.bytes_text,
        "rates": {name: medians.pop(name) for name in _RATES},
        **medians,
        "stages": {name: asdict(stage) for name, stage in middle.stages.items()},
        "ceiling": {"chunks_per_s": measured.ceiling} if measured.ceiling else None,
        "bottleneck": asdict(bottleneck_of(middle, os.cpu_count() or 1)),
        "spread": spreads,
        **_compared(measured, middle),
        "rerun": _rerun(measured, middle),
        "notes": list(measured.notes),
    }


def whole(corpus: Corpus | None, profiles: Sequence[Measured], **more: Any) -> dict[str, Any]:
    """The whole report."""
    from pulse_cli import __version__

    return {
        "pulse_bench": FORMAT,
        "version": __version__,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        },
        "corpus": corpus.as_json() if corpus else None,
        "profiles": {one.name: as_object(one) for one in profiles},
        **more,
    }


def _middle(runs: Sequence[Figures]) -> Figures:
    """The run whose throughput is the (lower) median."""
    return sorted(runs, key=lambda run: run.chunks_per_s)[(len(runs) - 1) // 2]


def _compared(measured: Measured, middle: Figures) -> dict[str, Any]:
    """Baselines, the speed-up over each, and what the original documented for the same."""
    found = []
    for one in measured.baselines:
        rate = one.documents_per_s
        chunks = one.chunks_per_s
        found.append(
            {
                **one.as_json(),
                "speedup": middle.documents_per_s / rate if rate else None,
                "speedup_chunks": middle.chunks_per_s / chunks if chunks else None,
                "extrapolated": one.documents < middle.documents,
                "documented_over_sequential": DOCUMENTED.get(one.in_flight),
            }
        )
    return {
        "baseline": found or None,
        "speedup": found[0]["speedup"] if found else None,
    }


def _rerun(measured: Measured, middle: Figures) -> dict[str, Any] | None:
    again = measured.rerun
    if again is None:
        return None
    return {
        "seconds": again.seconds,
        "documents_per_s": again.documents_per_s,
        "mb_per_s": again.mb_per_s,
        "chunks": again.chunks,
        "speedup": again.documents_per_s / (middle.documents_per_s or float("inf")),
    }
