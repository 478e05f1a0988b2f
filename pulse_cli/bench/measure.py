"""One profile measured: a warm-up, then as many runs as asked for, each on empty services."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from pulse_cli.bench.baseline import Baseline, ChunksOf, run_baseline
from pulse_cli.bench.ceiling import ceiling
from pulse_cli.bench.corpus import Corpus, documents_of, repeated
from pulse_cli.bench.numbers import Figures, figures_of
from pulse_cli.bench.recording import Task, run_once
from pulse_cli.bench.report import Measured
from pulse_cli.bench.sample import Recording
from pulse_cli.bench.simulated import SimulatedServices, simulated
from pulse_cli.simulators.profiles import Profile

WARM_UP_SECONDS = 4.0
MARGIN = 2.0  # a run must not end before its time because the warm-up was slower
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure. `seconds` 0 indexes the corpus once; otherwise it is repeated, and cut
    off, to last that long. `settings` are dotted names to values, over pulse's defaults.

    `disturbed`: latencies vary tenfold and 1 % of requests take 20 times as long. `bare`: no
    tokens are counted and no BM25 weighed. `rerun`: what was indexed is indexed once more,
    unchanged. Baselines get `baseline_s` each.
    """

    seconds: float = 60.0
    runs: int = 1
    warm_up: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    disturbed: bool = False
    bare: bool = False
    rerun: bool = False
    baselines: tuple[str, ...] = ()
    baseline_s: float = 20.0


def measure(profile: Profile, corpus: Corpus, plan: Plan, say: Say) -> Measured:
    """Measure on simulated services. Raises Fatal where a run fails."""
    with tempfile.TemporaryDirectory(prefix="pulse-bench-") as name:
        bench = _Bench(profile, plan, Path(name), say)
        sized = bench.warm_up(corpus)
        recordings, rerun = bench.runs(sized)
        found = tuple(figures_of(recording) for recording in recordings)
        first = found[0]
        tokens = first.tokens / first.chunks if first.chunks else 0.0
        most = ceiling(profile.tei, tokens)
        if most is None:
            found = tuple(replace(one, efficiency=None, store_busy=None) for one in found)
        return Measured(
            name=profile.name,
            runs=found,
            recordings=recordings,
            ceiling=most,
            rerun=rerun,
            baselines=tuple(bench.baseline(name, sized) for name in plan.baselines),
            settings=plan.settings,
            notes=tuple(
                dict.fromkeys(note for recording in recordings for note in recording.notes)
            ),
        )


def passes(corpus: Corpus, run: Figures, seconds: float) -> int:
    """How often a corpus must be indexed to last `seconds` at the speed of a warm-up."""
    per_chunk = run.bytes_text / max(run.chunks, 1)
    rate = max(run.bytes_text / max(run.seconds, 0.1), run.steady_chunks_per_s * per_chunk)
    return ceil(rate * seconds * MARGIN / max(corpus.text_bytes, 1))


class _Bench:
    """The runs of one profile, each with a folder of its own."""

    def __init__(self, profile: Profile, plan: Plan, folder: Path, say: Say) -> None:
        self._profile = profile
        self._plan = plan
        self._folder = folder
        self._say = say
        self._number = 0

    def warm_up(self, corpus: Corpus) -> Corpus:
        """Fill the caches of the machine, and find out how much there must be to index."""
        plan = self._plan
        if not plan.warm_up and not plan.seconds:
            return corpus
        self._say(f"{self._profile.name}: warming up")
        recording, _ = self._run(corpus, min(WARM_UP_SECONDS, plan.seconds or WARM_UP_SECONDS))
        run = figures_of(recording)
        if not plan.seconds or not run.bytes_text:
            return corpus
        return repeated(corpus, self._folder, passes(corpus, run, plan.seconds))

    def runs(self, corpus: Corpus) -> tuple[tuple[Recording, ...], Figures | None]:
        plan = self._plan
        recordings = []
        rerun = None
        for number in range(1, plan.runs + 1):
            self._say(f"{self._profile.name}: run {number} of {plan.runs}")
            last = number == plan.runs
            recording, again = self._run(corpus, plan.seconds, rerun=plan.rerun and last)
            recordings.append(recording)
            rerun = again
        return tuple(recordings), rerun

    def _run(
        self, corpus: Corpus, seconds: float, *, rerun: bool = False
    ) -> tuple[Recording, Figures | None]:
        with simulated(self._profile, disturbed=self._plan.disturbed) as services:
            task = self._task(corpus, seconds, services)
            recording = run_once(task, services)
            if not rerun or recording.stopped:
                return recording, None
            self._say(f"{self._profile.name}: indexing the same again")
            services.reset()
            return recording, figures_of(run_once(task, services))

    def _task(self, corpus: Corpus, seconds: float, services: SimulatedServices) -> Task:
        self._number += 1
        folder = self._folder / f"run-{self._number}"
        folder.mkdir()
        return Task(
            sources=corpus.sources,
            folder=folder,
            settings={**self._plan.settings, **services.settings},
            seconds=seconds,
            bare=self._plan.bare,
        )

    def baseline(self, name: str, corpus: Corpus) -> Baseline:
        self._say(f"{self._profile.name}: baseline {name}, {self._plan.baseline_s:.0f} s")
        most = min(
            self._plan.settings.get("chunk.max_tokens", 800), self._profile.tei.max_input_length
        )
        overlap = min(self._plan.settings.get("chunk.overlap_tokens", most // 4), most // 2)
        with simulated(self._profile, disturbed=self._plan.disturbed) as services:
            return run_baseline(
                name,
                documents_of(corpus.sources),
                ChunksOf(most, overlap),
                self._profile,
                services.urls,
                self._plan.baseline_s,
            )
