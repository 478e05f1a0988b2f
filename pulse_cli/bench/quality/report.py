"""The figures of a measurement as an object, and for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from pulse_cli.bench.compare import Change
from pulse_cli.bench.quality.measure import MODES, Answers
from pulse_cli.bench.quality.scores import FIGURES, TOP, Figure, Resamples
from pulse_cli.errors import Fatal, Kind


def as_object(answers: Answers) -> dict[str, Any]:
    """`kinds` and `macro` hold by mode and figure `{value, low, high}`, `ahead` what the
    hybrid's MRR has more than that of each half, `misses` queries whose page is below ten."""
    resamples = Resamples([query.kind for query in answers.queries])
    scores = answers.scores

    def figures(of: Any) -> dict[str, Any]:
        return {
            mode: {name: asdict(of(scores[mode][:, at])) for at, name in enumerate(FIGURES)}
            for mode in MODES
        }

    kinds = {
        kind: {
            "queries": sum(query.kind == kind for query in answers.queries),
            **figures(lambda values, kind=kind: resamples.of_kind(values, kind)),
        }
        for kind in resamples.kinds
    }
    mrr = {mode: scores[mode][:, FIGURES.index("mrr")] for mode in MODES}
    return {
        "pages": answers.pages,
        "chunks": answers.chunks,
        "queries": len(answers.queries),
        "macro": figures(resamples.macro),
        "kinds": kinds,
        "ahead": {
            half: asdict(resamples.macro(mrr["hybrid"] - mrr[half])) for half in ("vector", "bm25")
        },
        "misses": {
            mode: [
                query.text
                for query, found in zip(answers.queries, np.array(mrr[mode]), strict=True)
                if not found
            ]
            for mode in MODES
        },
    }


def quality_page(found: Mapping[str, Any]) -> str:
    """A table for people."""
    lines = [
        f"{found['queries']:,} queries over {found['pages']:,} pages in {found['chunks']:,} chunks,"
        f" the first {TOP} pages of each; 95 % intervals",
        "",
        f"{'':<22} {'':<8} {'recall':>6} {'MRR':>6} {'nDCG':>6}   {'MRR within':>13}",
    ]
    for kind, figures in found["kinds"].items():
        lines += _rows(f"{kind} ({figures['queries']:,})", figures)
    lines += ["", *_rows("macro", found["macro"])]
    for half, ahead in found["ahead"].items():
        lines.append(
            f"{'  hybrid ahead of' if half == 'vector' else '':<22} {half:<8} {'':>6}"
            f" {ahead['value']:>+6.3f} {'':>6}   {ahead['low']:>+6.3f} {ahead['high']:>+6.3f}"
        )
    return "\n".join(lines)


def _rows(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    for mode in MODES:
        recall, mrr, ndcg = (Figure(**figures[mode][name]) for name in FIGURES)
        yield (
            f"{name if mode == MODES[0] else '':<22} {mode:<8} {recall.value:>6.3f}"
            f" {mrr.value:>6.3f} {ndcg.value:>6.3f}   {mrr.low:>6.3f} {mrr.high:>6.3f}"
        )


def quality_changes(then: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterator[Change]:
    """Every figure that both have. Raises Fatal (exit 2) where `then` is of something else."""
    if then is None:
        raise Fatal(
            "--against: that report is not one of `pulse bench --quality`",
            kind=Kind.USAGE,
        )
    named = [("macro", then["macro"], now["macro"])]
    named += [
        (kind, then["kinds"][kind], now["kinds"][kind])
        for kind in now["kinds"]
        if kind in then["kinds"]
    ]
    for kind, old, new in named:
        for mode in MODES:
            for name in FIGURES:
                before, after = old[mode][name]["value"], new[mode][name]["value"]
                worse = 1 - after / before if before else 0.0
                yield Change(f"{kind} {mode}", name, before, after, worse)
