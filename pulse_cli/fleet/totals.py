"""What all workers of a run did, as one set of figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pulse_cli.engine.progress.json_text import from_json
from pulse_cli.events import StageStats, Stats, Waiting
from pulse_cli.fleet.index_shard import ShardResult

_SUMS = ("documents_done", "chunks_embedded", "tokens_embedded")
_STAGE_SUMS = ("in_flight", "waiting", "limit", "requests", "retries", "dead", "busy_s")
_STAGE_TIMES = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(slots=True)
class Totals:
    """Of the jobs that have a result. `bytes_read` counts each byte of the sources once."""

    stages: dict[str, StageStats] = field(default_factory=dict)
    bytes_read: int = 0
    documents_done: int = 0
    chunks_embedded: int = 0
    tokens_embedded: int = 0
    embed_requests: int = 0

    def add(self, shard: ShardResult, *, reads_again: bool) -> None:
        """Add a result. `reads_again`: other jobs have read these bytes, too."""
        if not reads_again:
            self.bytes_read += shard.bytes_read
        for name in (*_SUMS, "embed_requests"):
            setattr(self, name, getattr(self, name) + getattr(shard, name))
        ended = {name: _ended(stage) for name, stage in shard.stages.items()}
        self.stages = _added(self.stages, ended)

    def show(self, stats: Stats, live: Mapping[str, bytes]) -> None:
        """Write into `stats` what was done, and what the jobs in hand (by name) say of themselves.

        A job that reads bytes again has a name that begins with `last`.
        """
        said = {name: from_json(data) for name, data in live.items()}
        said = {name: job for name, job in said.items() if job}
        first = [job["bytes_read"] for name, job in said.items() if "-last-" not in name]
        stats.bytes_read = self.bytes_read + sum(first)
        if stats.bytes_total is not None:
            stats.bytes_read = min(stats.bytes_read, stats.bytes_total)
        for name in _SUMS:
            setattr(stats, name, getattr(self, name) + sum(job[name] for job in said.values()))
        stages = self.stages
        for job in said.values():
            now = {name: StageStats(**stage) for name, stage in job["stages"].items()}
            stages = _added(stages, now)
        stats.stages = stages
        stats.waiting_for = _waiting(said.values())


def _ended(stage: StageStats) -> StageStats:
    """The stage of a job that has ended: nothing is in flight."""
    return StageStats(
        **{one.name: getattr(stage, one.name) for one in fields(stage) if one.name[:2] != "in"}
        | {"waiting": 0, "limit": 0}
    )


def _added(one: Mapping[str, StageStats], other: Mapping[str, StageStats]) -> dict[str, StageStats]:
    """Both together; times are weighted by the number of requests."""
    added = {}
    for name in [*one, *(name for name in other if name not in one)]:
        mine, theirs = one.get(name, StageStats()), other.get(name, StageStats())
        sums = {each: getattr(mine, each) + getattr(theirs, each) for each in _STAGE_SUMS}
        all_requests = max(1, mine.requests + theirs.requests)
        times = {
            each: (getattr(mine, each) * mine.requests + getattr(theirs, each) * theirs.requests)
            / all_requests
            for each in _STAGE_TIMES
        }
        added[name] = StageStats(**sums, **times)
    return added


def _waiting(said: Iterable[Mapping[str, Any]]) -> Waiting | None:
    """What the first of the workers that wait waits for."""
    waiting = next(filter(None, (job["waiting_for"] for job in said)), None)
    return Waiting(**waiting) if waiting else None
