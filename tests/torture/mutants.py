"""Seven designs that lose or double something, each by the smallest change of the right one.

If a torture trial cannot tell one of these from the design, the torture is worth nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from pulse_cli.atomic_file import write_all
from pulse_cli.engine import resume, run
from pulse_cli.engine.commit import Committer, Writable
from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.progress import checkpoint
from pulse_cli.engine.progress.disk import MarkedFile
from pulse_cli.engine.progress.ledger import Ledger, Ticket
from pulse_cli.model import Identity, Point, Position

Mutant = Callable[[], contextlib.AbstractContextManager[Any]]


class _HighestMark(Ledger):
    """Books each record when it is resolved, whatever is still open before it."""

    def _pass_resolved(self) -> None:
        for ticket in [one for one in self._tickets if one.resolution is not None]:
            self._tickets.remove(ticket)
            assert ticket.resolution is not None
            self._on_passed(ticket.position, ticket.resolution)


class _NoOrder(Ledger):
    """Does not know that a page came before."""

    async def open(self, position: Position, cost: int, key: str | None = None) -> Ticket:
        return await super().open(position, cost, None)


class _NeverCut(MarkedFile):
    """Appends behind whatever is there."""

    def __init__(self, path: Path, mark: int = 0, *, syscalls: Any = os) -> None:
        super().__init__(path, path.stat().st_size if path.exists() else 0, syscalls=syscalls)


class HashStays(Committer):
    async def begin(self, existing: Sequence[Identity]) -> None:
        fault_point("commit-invalidated")


class NothingDeleted(Committer):
    async def finish(
        self, identities: Sequence[Identity], commits: Sequence[Point], keep: Sequence[str]
    ) -> None:
        await self._limiter.run(lambda: self._store.upsert(commits))


class OldCount(Committer):
    """Deletes as many chunks as the commit record before knew of, if it knew of more."""

    async def _write(self, documents: Sequence[Writable]) -> None:
        ids = [one.identity.commit_id for one in documents if one.exists]
        held = await self._limiter.run(lambda: self._store.lookup(ids)) if ids else {}
        self._shrunk = {
            one.identity.key
            for one in documents
            if one.exists and held[one.identity.commit_id].chunk_count > len(one.chunks)
        }
        await super()._write(documents)

    async def finish(
        self, identities: Sequence[Identity], commits: Sequence[Point], keep: Sequence[str]
    ) -> None:
        keys = [one.key for one in identities if one.key in self._shrunk]
        if keys:
            await self._limiter.run(lambda: self._store.delete_stale(keys, keep))
        await self._limiter.run(lambda: self._store.upsert(commits))


class _InPlace:
    """A file that is written over where it stands."""

    def __init__(self, path: Path, *, syscalls: Any = os) -> None:
        self._syscalls = syscalls
        self._fd = syscalls.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(self, data: bytes) -> None:
        write_all(self._fd, data, self._syscalls)

    def finish(self) -> None:
        pass

    def __enter__(self) -> _InPlace:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


async def _too_early(self: Any, complete: bool) -> None:
    """The checkpoint, and only then what it speaks of."""
    self._saved_at = self._parts.clock.monotonic()
    self._saved_passed = self._books.passed
    state = {**self._opened.state, **self._books.snapshot(), "epoch": 0, "complete": complete}
    fault_point("checkpoint-snapshot")
    await asyncio.to_thread(self._checkpoint.save, state)
    fault_point("checkpoint-saved")
    await asyncio.to_thread(self._books.sync)
    await self._store.run(self._parts.store.sync)
    fault_point("checkpoint-store-synced")


@contextlib.contextmanager
def _replaced(where: Any, name: str, by: Any) -> Iterator[None]:
    with mock.patch.object(where, name, by):
        yield


MUTANTS: dict[str, Mutant] = {
    "checkpoint before sync": lambda: _replaced(run._Run, "_save_alone", _too_early),
    "highest watermark": lambda: _replaced(run, "Ledger", _HighestMark),
    "no order of versions": lambda: _replaced(run, "Ledger", _NoOrder),
    "dead letters not cut": lambda: _replaced(resume, "MarkedFile", _NeverCut),
    "checkpoint in place": lambda: _replaced(checkpoint, "AtomicFile", _InPlace),
    "hash not nulled": lambda: _replaced(run, "Committer", HashStays),
    "stale by old count": lambda: _replaced(run, "Committer", OldCount),
}
