"""Six designs that lose or double something, each by the smallest change of the right one.

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
from pulse_cli.engine.commit import Committer
from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.progress import checkpoint
from pulse_cli.engine.progress.disk import MarkedFile
from pulse_cli.engine.progress.ledger import Ledger, Ticket
from pulse_cli.engine.task import DocumentTask
from pulse_cli.errors import Rejected
from pulse_cli.model import Position

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


class RecordStays(Committer):
    """Leaves the old commit record as it is while the page is replaced."""

    async def begin(self, tasks: Sequence[DocumentTask]) -> None:
        for task in tasks:
            task.replaces = []
        fault_point("commit-begun")


class NothingDeleted(Committer):
    async def finish(self, tasks: Sequence[DocumentTask]) -> None:
        await self._store.set_committed([task.identity.commit_id for task in tasks], True)


class CommitsTooEarly(Committer):
    """Marks the new version before the old one is deleted."""

    async def finish(self, tasks: Sequence[DocumentTask]) -> None:
        await self._store.set_committed([task.identity.commit_id for task in tasks], True)
        await super().finish(tasks)


class DeletesFirst(Committer):
    """Makes room for the new version before that is there."""

    async def begin(self, tasks: Sequence[DocumentTask]) -> None:
        await super().begin(tasks)
        await self._store.delete_other_versions(
            {task.identity.key: task.identity.version for task in tasks}
        )


class NothingUndone(Committer):
    async def undo(self, tasks: Sequence[DocumentTask]) -> None:
        fault_point("commit-undone")


class UndoesWhatWasThere(Committer):
    """Deletes the points of the new version, though they may be the only whole one."""

    async def undo(self, tasks: Sequence[DocumentTask]) -> None:
        for task in tasks:
            task.stored = None
        await super().undo(tasks)


class UndoesTooLate(Committer):
    """Also undoes when other versions have begun to be deleted."""

    async def finish(self, tasks: Sequence[DocumentTask]) -> None:
        try:
            await super().finish(tasks)
        except Rejected:
            for task in tasks:
                task.started_to_replace = False
            with contextlib.suppress(Rejected):
                await self.undo(tasks)
            raise


class SetsBackFirst(Committer):
    """Marks the old version as whole and alone before the new points are deleted."""

    async def undo(self, tasks: Sequence[DocumentTask]) -> None:
        old = [record for task in tasks for record in task.replaces]
        if old:
            await self._store.set_committed(old, True)
        await super().undo(tasks)


COMMITTER_MUTANTS: dict[str, type[Committer]] = {
    "the record stays": RecordStays,
    "nothing deleted": NothingDeleted,
    "committed too early": CommitsTooEarly,
    "deleted first": DeletesFirst,
    "nothing undone": NothingUndone,
    "undone what was there": UndoesWhatWasThere,
    "undone too late": UndoesTooLate,
    "set back first": SetsBackFirst,
}


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
    self._saved_passed = self._run_state.passed
    state = {**self._opened.state, **self._run_state.snapshot(), "epoch": 0, "complete": complete}
    fault_point("checkpoint-snapshot")
    await asyncio.to_thread(self._checkpoint.save, state)
    fault_point("checkpoint-saved")
    await asyncio.to_thread(self._run_state.sync)
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
    "record stays committed": lambda: _replaced(run, "Committer", RecordStays),
}
