"""What coordinator and workers tell each other: JSON values, and nothing that could be executed.

Page keys and dead letters are bytes and travel in base64. Names may hold lone surrogates (bytes of
a file name that is not UTF-8), which `json_text` keeps.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pulse_cli.engine.notes import Notes
from pulse_cli.engine.progress.json_text import from_json, to_json
from pulse_cli.errors import Kind
from pulse_cli.events import Counts, Problem, StageStats
from pulse_cli.fleet.index_shard import ShardResult
from pulse_cli.fleet.plan import IndexJob
from pulse_cli.fleet.scan import Scan
from pulse_cli.read.pieces import Piece

SCAN, INDEX = "scan", "index"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What all jobs of a run have in common.

    `version` is that of pulse. `fingerprint` names the settings that decide what is written,
    `store`, `collection` and `embedder` where to and with what. `addresses` are those of objects
    with their secrets; they are given to workers of this machine only.
    """

    version: str
    run_id: str
    started: float
    sources: tuple[str, ...]
    store: str
    collection: str
    embedder: str
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)

    def to_json(self) -> bytes:
        return to_json(asdict(self))

    @staticmethod
    def of_json(data: bytes) -> RunInfo:
        value = from_json(data)
        return RunInfo(**{**value, "sources": tuple(value["sources"])})


def scan_job(pieces: Sequence[Piece], *, held: bool) -> dict[str, Any]:
    return {"kind": SCAN, "pieces": [asdict(piece) for piece in pieces], "held": held}


def index_job(job: IndexJob) -> dict[str, Any]:
    numbered = _text(job.numbered.astype("<i8").tobytes())
    pieces = [asdict(piece) for piece in job.pieces]
    return {"kind": INDEX, "pieces": pieces, "numbered": numbered, "alone": job.alone}


def pieces_of(job: Mapping[str, Any]) -> tuple[Piece, ...]:
    return tuple(Piece(**piece) for piece in job["pieces"])


def index_job_of(job: Mapping[str, Any]) -> IndexJob:
    import numpy as np

    numbered = np.frombuffer(b64decode(job["numbered"]), "<i8").astype(np.int64)
    return IndexJob(pieces_of(job), numbered, alone=job["alone"])


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job: one of `scan` and `shard`, or the `problem` that it had.

    `cpu_seconds`: what the worker used since its last result.
    """

    worker: str
    scan: Scan | None = None
    shard: ShardResult | None = None
    problem: Problem | None = None
    cpu_seconds: float = 0.0


def result_to_json(result: JobResult) -> bytes:
    return to_json(
        {
            "worker": result.worker,
            "scan": _scan(result.scan) if result.scan is not None else None,
            "shard": _shard(result.shard) if result.shard is not None else None,
            "problem": asdict(result.problem) if result.problem is not None else None,
            "cpu_seconds": result.cpu_seconds,
        }
    )


def result_of_json(data: bytes) -> JobResult:
    value = from_json(data)
    scan, shard = value["scan"], value["shard"]
    return JobResult(
        value["worker"],
        _scan_of(scan) if scan is not None else None,
        _shard_of(shard) if shard is not None else None,
        _problem_of(value["problem"]),
        value["cpu_seconds"],
    )


def _scan(scan: Scan) -> dict[str, Any]:
    return {
        "pieces": scan.pieces,
        "keys": _text(scan.keys.tobytes()),
        "has_parts": scan.has_parts,
        "notes": scan.notes.kinds(),
        "partial": scan.partial,
        "held": _text(scan.held),
    }


def _scan_of(value: Mapping[str, Any]) -> Scan:
    notes = Notes()
    notes.merge(value["notes"])
    return Scan(
        pieces=[(crc, lines) for crc, lines in value["pieces"]],
        keys=array("Q", b64decode(value["keys"])),
        has_parts=value["has_parts"],
        notes=notes,
        partial=value["partial"],
        held=bytearray(b64decode(value["held"])),
    )


def _shard(shard: ShardResult) -> dict[str, Any]:
    letters = [_text(letter) for letter in shard.dead_letters]
    return {**asdict(shard), "dead_letters": letters}


def _shard_of(value: Mapping[str, Any]) -> ShardResult:
    return ShardResult(
        **{
            **value,
            "counts": Counts(**value["counts"]),
            "dead_letters": [b64decode(letter) for letter in value["dead_letters"]],
            "stages": {name: StageStats(**stage) for name, stage in value["stages"].items()},
            "problem": _problem_of(value["problem"]),
        }
    )


def _problem_of(value: Mapping[str, Any] | None) -> Problem | None:
    return Problem(Kind(value["kind"]), value["message"], value["hint"]) if value else None


def _text(data: bytes | bytearray) -> str:
    return b64encode(data).decode("ascii")
