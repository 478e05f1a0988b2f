"""A segment of the inbox: one file of lines, appended to while open, indexed once sealed."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiofiles
import aiofiles.os

SEAL_BYTES = 4 << 20
SEAL_SECONDS = 0.5
_fsync = aiofiles.os.wrap(os.fsync)


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed file of lines. Segments sort in the order in which they were filled."""

    id: str
    path: Path
    size: int


class OpenSegment:
    """The segment that lines are appended to. `size` is how many bytes were stored.

    `is_broken`: a write failed and could not be undone, so nothing more may be appended.
    """

    def __init__(self, segment_id: str, path: Path, file: Any) -> None:
        self.id = segment_id
        self.size = 0
        self.is_broken = False
        self._path = path
        self._file = file
        self._lines = 0
        self._began = time.monotonic()

    @classmethod
    async def create(cls, folder: Path, segment_id: str) -> OpenSegment:
        path = folder / f"{segment_id}.open"
        file = await aiofiles.open(path, "xb", buffering=0, opener=_private)
        await asyncio.to_thread(sync_folder, folder)
        return cls(segment_id, path, file)

    def seconds_left(self) -> float:
        """Until it is due to be sealed."""
        return max(0.0, self._began + SEAL_SECONDS - time.monotonic())

    def is_due(self) -> bool:
        return self.is_broken or self.size >= SEAL_BYTES or self.seconds_left() == 0.0

    def take_ids(self, lines: int) -> list[str]:
        """The ids of the next `lines` lines: `<segment>.<line>`, lines from 0."""
        first = self._lines
        self._lines += lines
        return [f"{self.id}.{number}" for number in range(first, self._lines)]

    async def append(self, data: bytes) -> None:
        """Write and fsync. Raises OSError, and then the file ends where it ended before."""
        try:
            view = memoryview(data)
            while view:
                view = view[await self._file.write(view) :]
            await _fsync(self._file.fileno())
        except OSError:
            await self._cut()
            raise
        self.size += len(data)

    async def _cut(self) -> None:
        """Undo a write that failed, so that the next line does not follow half of another."""
        try:
            await self._file.truncate(self.size)
            await self._file.seek(self.size)
            await _fsync(self._file.fileno())
        except OSError:
            self.is_broken = True

    async def seal(self) -> Segment:
        """Close it and give it its final name. Raises OSError; then it is due again later."""
        self._began = time.monotonic()
        final = self._path.with_suffix(".jsonl")
        if self._path != final:
            await aiofiles.os.rename(self._path, final)
            self._path = final
        await asyncio.to_thread(sync_folder, final.parent)
        await self._file.close()
        return Segment(self.id, final, self.size)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` durable. Blocking."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
