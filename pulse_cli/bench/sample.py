"""What is known of a run at one moment, and of the whole of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sample:
    """Sums since the run began, but for what is of now: `rss` (bytes), `fds` (open files) and
    `tasks` (of asyncio); `stages` are as `StageStats`.

    `at` is monotonic seconds, `cpu_s` of pulse and its processes since it was started. `tei` and
    `qdrant` are the simulators' own accounts, None where the services are real ones.
    """

    at: float
    cpu_s: float
    rss: int = 0
    fds: int = 0
    tasks: int = 0
    documents: int = 0
    chunks: int = 0
    tokens: int = 0
    bytes_text: int = 0
    stages: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    tei: Mapping[str, Any] | None = None
    qdrant: Mapping[str, Any] | None = None

    @staticmethod
    def of(line: Mapping[str, Any], tei: Any = None, qdrant: Any = None) -> Sample:
        """From a line of `bench.child`."""
        names = Sample.__dataclass_fields__
        return Sample(**{k: v for k, v in line.items() if k in names}, tei=tei, qdrant=qdrant)


@dataclass(frozen=True, slots=True)
class Recording:
    """One run from its start to its end. `stopped`: its time was over, the corpus was not.

    `launched` is when the process was started; `samples` are taken four times a second and
    end with the end of the run. `summary` is the object of `pulse index --json`.
    """

    launched: float
    started: Sample
    samples: tuple[Sample, ...]
    summary: Mapping[str, Any]
    stopped: bool
    notes: tuple[str, ...] = ()

    @property
    def end(self) -> Sample:
        return self.samples[-1]
