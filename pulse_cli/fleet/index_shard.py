"""One shard indexed: an ordinary run of the engine, under the run id of all shards.

The state folder is a temporary one: nothing in it is needed once the result is there. A job begun
again reads the shard again, and finds by look-up what is whole under this run id.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from pulse_cli.engine import DeadLimit, RunDependencies, RunOptions, StateFiles, index
from pulse_cli.engine.progress.state_files import make_folder
from pulse_cli.engine.resume import OpenSource, RunIdentity
from pulse_cli.events import Counts, Problem, StageStats, Summary


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What became of a shard. Not `complete`: it was stopped, or `problem` ended it.

    `dead_letters` are lines, with their newlines, in source order.
    """

    complete: bool
    counts: Counts
    dead_letters: list[bytes]
    stages: dict[str, StageStats] = field(default_factory=dict)
    bytes_read: int = 0
    documents_done: int = 0
    chunks_embedded: int = 0
    tokens_embedded: int = 0
    embed_requests: int = 0
    problem: Problem | None = None


async def index_shard(
    parts: RunDependencies, open_shard: OpenSource, identity: RunIdentity, options: RunOptions
) -> ShardResult:
    """Index the records of one shard. `options` are those of the run.

    Whether there are too many dead letters is for the run to say, which counts them all. Raises
    Fatal where it could not begin.
    """
    own = replace(
        options,
        part_of=identity,
        restart=True,
        limit=None,
        prune=None,
        on_changed_source="refuse",
        dead_limit=DeadLimit(share=None),
    )
    with tempfile.TemporaryDirectory(prefix="pulse-shard-") as name:
        files = StateFiles(Path(name), "shard", "")
        make_folder(files.folder)
        summary = await index(replace(parts, open_source=open_shard), files, own)
        letters = await asyncio.to_thread(_lines, files.dead_letters(identity.run_id))
    return _result(summary, letters)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def _result(summary: Summary, letters: list[bytes]) -> ShardResult:
    return ShardResult(
        complete=summary.status == "complete",
        counts=summary.counts,
        dead_letters=letters,
        stages=dict(summary.stages),
        bytes_read=summary.bytes_read,
        documents_done=summary.documents_done,
        chunks_embedded=summary.chunks_embedded,
        tokens_embedded=summary.tokens_embedded,
        embed_requests=summary.embed_requests,
        problem=summary.error,
    )
