"""The inbox: pages that were accepted, on disk until they are indexed.

Guarantees:
- `append` returns when its lines are on disk (fsync). So what was answered 202 survives any
  crash. If it raises, the lines were taken back; where the disk refuses even that, they may be
  indexed all the same, which harms nobody: the sender sends them again, and a page is one page.
- All appends that arrive while one fsync is under way share the next one (group commit), so
  the rate of events is not bound by the rate of fsyncs.
- Lines are kept in the order in which `append` was called. Segments are sealed in order at
  `SEAL_BYTES` or `SEAL_SECONDS` after their first line; only sealed segments are indexed.
- One process at a time: the folder is locked.

A segment is `<id>.open` while lines are appended and `<id>.jsonl` once it is sealed. After a
crash an open segment may end in a torn line. That line was never answered, so it is cut off.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiofiles.os
from filelock import FileLock, Timeout

from pulse_cli.app.turns import INBOX_LOCK
from pulse_cli.errors import Locked
from pulse_cli.serve.segment import OpenSegment, Segment, sync_folder

_FULL = {errno.ENOSPC, errno.EDQUOT}
RESULTS = "results"  # the folder beside the segments with what became of their lines
PROBE_SECONDS = 0.2  # a command that looks whether the lock is held holds it for a moment


class BacklogFull(Exception):
    """More is waiting to be indexed than is allowed; the sender should come again later."""


class InboxUnwritable(Exception):
    """The lines could not be stored. `full`: because the disk is."""

    def __init__(self, message: str, *, full: bool) -> None:
        super().__init__(message)
        self.full = full


@dataclass(slots=True)
class _Append:
    data: bytes
    lines: int
    done: asyncio.Future[list[str]]


class Inbox:
    """See the module docstring. Use as `async with Inbox(folder, max_backlog=…) as inbox`."""

    def __init__(self, folder: Path, *, max_backlog: int) -> None:
        """`max_backlog`: bytes that may wait to be indexed."""
        self.folder = folder
        self._max_backlog = max_backlog
        self._lock = FileLock(folder / INBOX_LOCK)
        self._pending: list[_Append] = []
        self._wake = asyncio.Event()
        self._sealed: list[Segment] = []
        self._news = asyncio.Event()
        self._open: OpenSegment | None = None
        self._pending_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self._last_id = 0

    async def __aenter__(self) -> Inbox:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._lock.acquire(timeout=PROBE_SECONDS)
        except Timeout:
            raise Locked(
                f"another `pulse serve` uses {self.folder}",
                hint="stop it, or name another folder with --state-dir",
            ) from None
        await asyncio.to_thread(self._recover)
        self._writer = asyncio.create_task(self._write_all(), name="inbox writer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """What was appended is stored and sealed; the folder is free for another process."""
        try:
            if self._writer is not None:
                self._closing = True
                self._wake.set()
                await self._writer
            if self._open is not None:
                await self._seal()
        finally:
            self._lock.release()

    @property
    def backlog_bytes(self) -> int:
        """Bytes accepted and not yet removed."""
        waiting = self._open.size if self._open else 0
        return waiting + self._pending_bytes + sum(segment.size for segment in self._sealed)

    @property
    def sealed(self) -> tuple[Segment, ...]:
        """Segments to be indexed, oldest first."""
        return tuple(self._sealed)

    def holds(self, segment_id: str) -> bool:
        """Whether a segment is still here, open or sealed."""
        if self._open is not None and self._open.id == segment_id:
            return True
        return any(segment.id == segment_id for segment in self._sealed)

    async def append(self, lines: Sequence[bytes]) -> list[str]:
        """Store lines (without newlines in them), all or none; the id of each.

        Raises BacklogFull, InboxUnwritable.
        """
        data = b"".join(line + b"\n" for line in lines)
        if self.backlog_bytes + len(data) > self._max_backlog:
            raise BacklogFull(f"{self.backlog_bytes >> 20} MiB wait to be indexed")
        append = _Append(data, len(lines), asyncio.get_running_loop().create_future())
        self._pending.append(append)
        self._pending_bytes += len(data)
        self._wake.set()
        # A caller that is cancelled does not take back what is about to be written.
        return await asyncio.shield(append.done)

    async def wait(self) -> None:
        """Wait until a segment is sealed. Returns at once if there is one."""
        while not self._sealed:
            self._news.clear()
            await self._news.wait()

    async def remove(self, segments: Sequence[Segment]) -> None:
        """Delete segments whose pages are indexed."""
        for segment in segments:
            with suppress(FileNotFoundError):
                await aiofiles.os.unlink(segment.path)
            self._sealed.remove(segment)

    # --- writing -----------------------------------------------------------

    async def _write_all(self) -> None:
        """Store what arrives, and seal segments when it is time, until the inbox closes."""
        while self._pending or not self._closing:
            if not self._pending:
                self._wake.clear()
                left = None if self._open is None else self._open.seconds_left()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._wake.wait()
            if self._pending:
                await self._write(self._pending)
            if self._open is not None and self._open.is_due():
                await self._seal_kindly()

    async def _write(self, appends: list[_Append]) -> None:
        """One write and one fsync for all appends; every one of them gets its answer."""
        self._pending = []
        try:
            if self._open is None:
                self._open = await OpenSegment.create(self.folder, self._next_id())
            if self._open.is_broken:
                raise OSError(errno.EIO, "an earlier write failed")
            await self._open.append(b"".join(append.data for append in appends))
        except OSError as error:
            failure = InboxUnwritable(
                f"{self.folder}: {error.strerror or error}", full=error.errno in _FULL
            )
            for append in appends:
                if not append.done.done():
                    append.done.set_exception(failure)
                    append.done.exception()  # its caller may be gone
        else:
            for append in appends:
                ids = self._open.take_ids(append.lines)
                if not append.done.done():
                    append.done.set_result(ids)
        finally:
            self._pending_bytes -= sum(len(append.data) for append in appends)

    async def _seal_kindly(self) -> None:
        """Seal; where the disk refuses, the segment stays open and is tried again."""
        with suppress(OSError):
            await self._seal()

    async def _seal(self) -> None:
        assert self._open is not None
        segment = await self._open.seal()
        self._open = None
        self._sealed.append(segment)
        self._news.set()

    def _next_id(self) -> str:
        """Milliseconds since 1970, but never less than any id before."""
        self._last_id = max(self._last_id + 1, int(time.time() * 1000))
        return f"{self._last_id:013d}"

    def _recover(self) -> None:
        """Take up what an earlier process left. Blocking."""
        for path in sorted(self.folder.glob("*.open")):
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            if whole:
                with path.open("rb+") as file:
                    file.truncate(whole)
                    os.fsync(file.fileno())
                path.rename(path.with_suffix(".jsonl"))
            else:
                path.unlink()
        sync_folder(self.folder)
        self._sealed = [
            Segment(path.stem, path, path.stat().st_size)
            for path in sorted(self.folder.glob("*.jsonl"))
        ]
        # Ids of segments that are gone are the ids of results that can still be asked for.
        ids = [segment.id for segment in self._sealed]
        ids += [path.stem for path in (self.folder / RESULTS).glob("*.jsonl")]
        self._last_id = max((int(one) for one in ids if one.isdigit()), default=0)
