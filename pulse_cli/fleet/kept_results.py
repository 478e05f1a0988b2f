"""The results of the jobs of a run, kept in the state folder as they come.

A result is there as a whole or not at all: its file is written atomically and last. Results that
are kept need no worker again, whatever becomes of the queue and of the coordinator. Memory holds
one result at a time.

The folder belongs to one run. `shards` are fixed with the first start, so that a later one with
another number of workers understands what is kept.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pulse_cli.atomic_file import write_atomically
from pulse_cli.engine.progress.disk import disk_errors
from pulse_cli.engine.progress.json_text import from_json, to_json
from pulse_cli.engine.progress.state_files import make_folder
from pulse_cli.fleet.index_shard import ShardResult
from pulse_cli.fleet.messages import JobResult, result_of_json, result_to_json
from pulse_cli.fleet.plan import Shard
from pulse_cli.fleet.scan import Scan
from pulse_cli.read.pieces import Piece


class KeptResults:
    """See the module docstring. Blocking. Raises Fatal where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.folder = folder

    def shards(self) -> list[Shard] | None:
        """The shards of the run, None if they are not fixed yet."""
        path = self.folder / "shards"
        with disk_errors(path, "read"):
            if not path.exists():
                return None
            return [tuple(Piece(**one) for one in shard) for shard in from_json(path.read_bytes())]

    def fix_shards(self, shards: Sequence[Shard]) -> None:
        self._write("shards", to_json([[asdict(piece) for piece in shard] for shard in shards]))

    def names(self) -> set[str]:
        """The jobs whose results are kept."""
        with disk_errors(self.folder, "read"):
            return {path.stem for path in self.folder.glob("*.result")}

    def keep(self, name: str, result: JobResult) -> None:
        """Keep what a job found. Lists that may be long have files of their own."""
        scan, shard = result.scan, result.shard
        if scan is not None:
            self._write(f"{name}.keys", scan.keys.tobytes())
            self._write(f"{name}.held", bytes(scan.held))
            scan = replace(scan, keys=array("Q"), held=bytearray())
        if shard is not None:
            if shard.dead_letters:
                self._write(f"{name}.letters", b"".join(shard.dead_letters))
            shard = replace(shard, dead_letters=[])
        small = JobResult(result.worker, scan, shard, cpu_seconds=result.cpu_seconds)
        self._write(f"{name}.result", result_to_json(small))

    def shard(self, name: str) -> ShardResult:
        """The result of an index job, without its dead letters."""
        found = self._result(name).shard
        assert found is not None
        return found

    def letters(self, name: str) -> Iterator[bytes]:
        """The dead letters of an index job, in source order."""
        path = self.folder / f"{name}.letters"
        with disk_errors(path, "read"):
            if path.exists():
                with path.open("rb") as file:
                    yield from file

    def held(self, name: str) -> bytes:
        """The entries of the pages that the shard of a scan job holds."""
        return self._read(f"{name}.held")

    def scan(self, name: str) -> Scan:
        """The result of a scan job, without what it holds."""
        found = self._result(name).scan
        assert found is not None
        return replace(found, keys=array("Q", self._read(f"{name}.keys")))

    def _result(self, name: str) -> JobResult:
        return result_of_json(self._read(f"{name}.result"))

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        with disk_errors(path, "read"):
            return path.read_bytes()

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        with disk_errors(path):
            write_atomically(path, data, syscalls=os)


class KeptScans(Sequence[Scan]):
    """The scans of all shards, in order; each is read when it is looked at."""

    def __init__(self, kept: KeptResults, names: Sequence[str]) -> None:
        self._kept = kept
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number):  # type: ignore[no-untyped-def]
        return self._kept.scan(self._names[number])
