"""The checkpoint: where a run stands, saved so that any crash leaves a whole one.

Why a resumed run is right, whatever moment the last one died at:

1. In one step of the event loop a snapshot is taken of the watermark, the counts and the
   lengths of the dead-letter and seen files. They change only when the watermark passes a
   record, all together, so the snapshot is consistent.
2. Then the dead letters are fsynced up to their mark and the store is synced. So all that
   the snapshot counts as done is durable.
3. Only then is the snapshot saved, atomically (`atomic_file`).

Hence no record at or before a saved position can be lost. Records after it are read
again; those already in the store are recognised by their commit records (point ids are
deterministic, so nothing doubles), and dead letters after the mark are cut off before
they are written again. Saving before syncing (2 and 3 swapped) or a position beyond an
open record would each break this; the torture suite proves that it notices.

The file is two lines: the state as JSON, and the CRC-32 of that line.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from pulse_cli.atomic_file import AtomicFile, Syscalls
from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.progress.disk import disk_errors
from pulse_cli.engine.progress.json_text import from_json, to_json
from pulse_cli.errors import Fatal, Kind

FORMAT = 1


class CheckpointFile:
    """`ports.CheckpointStore` in one file; the previous state stays beside it as `.prev`."""

    def __init__(self, path: Path, *, syscalls: Syscalls = os) -> None:
        self.path = path
        self._syscalls = syscalls

    def load(self) -> dict[str, Any] | None:
        """The last state saved; that of `.prev` where the file is damaged.

        Raises Fatal (`checkpoint`) where both are damaged: a run never starts again from zero
        without being told to. Raises Fatal (`disk`) where the disk refuses to read.
        """
        previous = Path(f"{self.path}.prev")
        with disk_errors(self.path, "read"):
            found = [path for path in (self.path, previous) if path.exists()]
        for path in found:
            with disk_errors(path, "read"):
                state = _decode(path)
            if state is not None:
                return state
        if not found:
            return None
        raise Fatal(
            f"the checkpoint {self.path} is damaged, and so is the one before it",
            hint="start anew with --restart: pages already stored are recognised and not embedded"
            " again",
            kind=Kind.CHECKPOINT,
        )

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state. Raises Fatal, and then the old state is still there."""
        data = _encode(state)
        half = len(data) // 2
        with disk_errors(self.path), AtomicFile(self.path, syscalls=self._syscalls) as file:
            file.write(data[:half])
            fault_point("checkpoint-half-written")
            file.write(data[half:])
            file.finish()
            fault_point("checkpoint-before-rename")
            self._keep_previous()

    def says_complete(self, epoch: int) -> bool:
        """Whether the state of this epoch is on disk and says `complete`, after a save failed."""
        with suppress(Fatal):
            state = self.load()
            return state is not None and (state["epoch"], state["complete"]) == (epoch, True)
        return False

    def _keep_previous(self) -> None:
        """Link the present file as `.prev` as well."""
        if not self.path.exists():
            return
        link = Path(f"{self.path}.prev.new")
        link.unlink(missing_ok=True)  # left by a crash between link and replace
        self._syscalls.link(str(self.path), str(link))
        self._syscalls.replace(str(link), f"{self.path}.prev")
        link.unlink(missing_ok=True)  # rename does nothing between two names of one file


def _encode(state: dict[str, Any]) -> bytes:
    line = to_json({"format": FORMAT, **state})
    return b'%s\n{"crc32":%d}\n' % (line, zlib.crc32(line))


def _decode(path: Path) -> dict[str, Any] | None:
    """The state in `path`, None if a single byte of it is wrong."""
    data = path.read_bytes()
    line, _, rest = data.partition(b"\n")
    if rest != b'{"crc32":%d}\n' % zlib.crc32(line):
        return None
    state = from_json(line)
    if not isinstance(state, dict):
        return None
    if state.get("format") != FORMAT:
        raise Fatal(
            f"the checkpoint {path} was written by another version of pulse"
            f" (format {state.get('format')}, this one reads {FORMAT})",
            hint="finish the run with that version, or start anew with --restart",
            kind=Kind.CHECKPOINT,
        )
    return state
