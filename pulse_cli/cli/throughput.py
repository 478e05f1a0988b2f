"""How fast a run goes now, from its own counters: rates over the last seconds, time left."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from pulse_cli.events import Stats

WINDOW_S = 10.0


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    documents: int
    chunks: int
    tokens: int
    done: float


class Throughput:
    """Fed with `Stats` from time to time; time is the run's own (`elapsed_s`)."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def update(self, stats: Stats) -> None:
        self._samples.append(
            _Sample(
                stats.elapsed_s,
                stats.documents_done,
                stats.chunks_embedded,
                stats.tokens_embedded,
                bytes_done(stats),
            )
        )
        while self._samples[-1].at - self._samples[0].at > WINDOW_S and len(self._samples) > 2:
            self._samples.popleft()

    def _rate(self, field: str) -> float:
        if len(self._samples) < 2:
            return 0.0
        first, last = self._samples[0], self._samples[-1]
        seconds = last.at - first.at
        return (getattr(last, field) - getattr(first, field)) / seconds if seconds > 0 else 0.0

    @property
    def documents_per_s(self) -> float:
        return self._rate("documents")

    @property
    def chunks_per_s(self) -> float:
        return self._rate("chunks")

    @property
    def tokens_per_s(self) -> float:
        return self._rate("tokens")

    def left_s(self, stats: Stats) -> float | None:
        """Seconds to the end of the input at the present speed; None if it cannot be told."""
        speed = self._rate("done")
        if stats.bytes_total is None or speed <= 0:
            return None
        return max(stats.bytes_total - bytes_done(stats), 0) / speed


def bytes_done(stats: Stats) -> float:
    """How much of the input is behind us, in bytes as stored.

    The reader is up to 64 MiB ahead of what is indexed, which may be all of a small input,
    so of the bytes read only the share of the records that are done counts.
    """
    done = stats.counts.records
    ahead = stats.open_records
    return stats.bytes_read * done / (done + ahead) if done + ahead else 0.0
