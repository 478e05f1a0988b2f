"""The speed of a run, from its counters: rates of the last seconds, and the time left.

The time left and the share done are computed from embedded chunks, because embedding takes most of
the time: a page of 300 chunks is one record like any other, and is indexed after its last chunk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pulse_cli.events import Counts, Stats

WINDOW_S, LONG_WINDOW_S = 10.0, 60.0


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    documents: int
    chunks: int
    tokens: int
    done: float


class Throughput:
    """`update` it with `Stats` from time to time; time is that of the run (`elapsed_s`)."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()
        self._first_done = 0.0
        self._first_records = 0
        self._first_without_text = 0

    def update(self, stats: Stats) -> None:
        if not self._samples:
            self._first_done, self._first_records = bytes_done(stats), stats.counts.records
            self._first_without_text = self._without_text(stats.counts)
        self._samples.append(
            _Sample(
                stats.elapsed_s,
                stats.documents_done,
                stats.chunks_embedded,
                stats.tokens_embedded,
                bytes_done(stats),
            )
        )
        while self._samples[-1].at - self._samples[0].at > LONG_WINDOW_S and len(self._samples) > 2:
            self._samples.popleft()

    def _recent(self) -> Sequence[_Sample]:
        """The samples of the last `WINDOW_S` seconds, two at least if there are two."""
        since = self._samples[-1].at - WINDOW_S if self._samples else 0.0
        recent = [sample for sample in self._samples if sample.at >= since]
        return recent if len(recent) > 1 else list(self._samples)[-2:]

    def _rate(self, field: str, samples: Sequence[_Sample] | None = None) -> float:
        among = self._recent() if samples is None else samples
        if len(among) < 2:
            return 0.0
        first, last = among[0], among[-1]
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

    def share(self, stats: Stats) -> float | None:
        """How much of the run is done, 0 to 1; None if its end is not known."""
        if not stats.bytes_total:
            return None
        whole = self._chunks_to_embed(stats)
        if whole is None:
            return min(bytes_done(stats) / stats.bytes_total, 1.0)
        before = self._first_done / stats.bytes_total
        return min(before + (1 - before) * stats.chunks_embedded / whole, 1.0)

    def left_s(self, stats: Stats) -> float | None:
        """Seconds to the end of the input at the speed of the last minute; None if not known."""
        if not stats.bytes_total:
            return None
        whole = self._chunks_to_embed(stats)
        if whole is None:
            speed = self._rate("done")
            return max(stats.bytes_total - bytes_done(stats), 0) / speed if speed > 0 else None
        speed = self._rate("chunks", self._samples)
        return max(whole - stats.chunks_embedded, 0) / speed if speed > 0 else None

    def _chunks_to_embed(self, stats: Stats) -> float | None:
        """How many chunks this process will embed in all; None where nothing is known yet.

        The rest of the input is assumed to give as many chunks per byte as the documents whose
        chunks are known. These include long documents, and unchanged ones, which embed none.
        """
        records = stats.counts.records + stats.open_records - self._first_records
        if not (stats.chunks_known and records and stats.bytes_total):
            return None
        settled = stats.documents_known + self._without_text(stats.counts)
        rest = stats.bytes_total - self._first_done
        covered = (stats.bytes_read - self._first_done) * min(settled / records, 1.0)
        return stats.chunks_known * max(rest / covered, 1.0) if covered > 0 else None

    def _without_text(self, counts: Counts) -> int:
        """Records of this process that became no document."""
        return sum(counts.skipped.values()) + sum(counts.dead.values()) - self._first_without_text


def bytes_done(stats: Stats) -> float:
    """How much of the input is done, in bytes as stored.

    The reader is up to 32 MiB ahead of what is indexed, which may be all of a small input,
    so of the bytes read only the share of the records that are done counts.
    """
    done = stats.counts.records
    ahead = stats.open_records
    return stats.bytes_read * done / (done + ahead) if done + ahead else 0.0
