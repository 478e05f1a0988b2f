"""The inputs of a run, fixed when it begins.

A folder may change while a run waits to be resumed. The run goes on with the files it
began with, in the same order. The list has a file of its own, because a crawl may be a
million files. The checkpoint holds the hash of that file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pulse_cli.atomic_file import Syscalls, write_atomically
from pulse_cli.engine.progress.disk import disk_errors
from pulse_cli.engine.progress.json_text import from_json, to_json
from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Input


def save_manifest(path: Path, inputs: Sequence[Input], syscalls: Syscalls = os) -> str:
    """Write the list; returns its sha256. Raises Fatal."""
    data = to_json([asdict(one) for one in inputs])
    with disk_errors(path):
        write_atomically(path, data, syscalls=syscalls)
    return hashlib.sha256(data).hexdigest()


def load_manifest(path: Path, sha256: str) -> list[Input]:
    """Read the list back. Raises Fatal (`checkpoint`) where it is not the one that was saved."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _damaged(path, error.strerror or "unreadable") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _damaged(path, "its content is not what was saved")
    return [Input(**one) for one in from_json(data)]


def _damaged(path: Path, why: str) -> Fatal:
    return Fatal(
        f"the list of inputs {path}: {why}",
        hint="start anew with --restart",
        kind=Kind.CHECKPOINT,
    )
