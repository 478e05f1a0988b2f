"""Whole runs on the embedded store, whose process fails again and again, or its disk does.

The run ends with a plain error and exit code 75, blames no record, and the next start goes on
to what a run leaves that nothing happened to.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import re
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pulse_cli.cli.exit_codes import Exit, exit_of_error, exit_of_run
from pulse_cli.errors import Kind
from pulse_cli.events import Problem
from tests.torture.corpus import crawl
from tests.torture.disks import resize
from tests.torture.edge_world import COLLECTION, EdgeWorld, edge_owner, wait_until_gone
from tests.torture.moments import Moments
from tests.torture.world import Left

IMPATIENT_S = 1.0


@dataclass(frozen=True)
class Undisturbed:
    """A crawl, and what a run over it leaves that nothing happened to."""

    source: Path
    left: Left


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("clean")
    made, _ = crawl(41, 60)
    source = folder / "crawl.jsonl"
    source.write_bytes(made.data)
    world = EdgeWorld(folder, 1)
    asyncio.run(world.start(source))
    left = world.left(source, exact=True)
    assert len(left.points) > 60
    assert len(left.dead_letters) > 2
    return Undisturbed(source, left)


class Hurting(Moments):
    """Nobody dies; at the n-th moment of this name something is done to the store's process."""

    def __init__(self, name: str, nth: int, act: Callable[[], None]) -> None:
        super().__init__()
        self._place = (name, nth)
        self._act = act

    def passing(self, name: str) -> None:
        super().passing(name)
        if (name, self.passed[name]) == self._place:
            self._act()


async def failed(world: EdgeWorld, source: Path, moments: Moments) -> Problem:
    """Start a run that must fail; what it says."""
    summary = await world.start(source, moments)
    assert summary is not None
    assert (summary.status, exit_of_run(summary)) == ("failed", Exit.UNAVAILABLE)
    assert summary.resume
    assert summary.error is not None
    assert str(world.edge.path) in summary.error.message
    assert "run the same command again" in summary.error.hint
    return summary.error


async def finish(world: EdgeWorld, clean: Undisturbed) -> None:
    summary = await world.start(clean.source)
    assert summary is not None
    assert exit_of_run(summary) is Exit.DEAD_LETTERS
    assert clean.left.differences(world.left(clean.source, exact=True)) == []


@asynccontextmanager
async def every_process(
    world: EdgeWorld, by: signal.Signals, seen: set[int]
) -> AsyncIterator[None]:
    """Whichever process the store has gets this signal."""

    async def hurt() -> None:
        while True:
            if (pid := edge_owner(world.folder / COLLECTION)) is not None:
                seen.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, by)
            await asyncio.sleep(0)

    task = asyncio.ensure_future(hurt())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("by", "how"),
    [
        # an owner that hangs is killed by the client that waited, or by another one before
        (signal.SIGSTOP, "no answer within|ended by SIGKILL"),
        pytest.param(signal.SIGKILL, "ended by SIGKILL", marks=pytest.mark.nightly),
    ],
)
async def test_every_process_fails(
    tmp_path: Path, clean: Undisturbed, by: signal.Signals, how: str
) -> None:
    """From the third commit on the store has no process that works."""
    world = EdgeWorld(tmp_path, 2)
    world.deadline = IMPATIENT_S
    begun, seen = asyncio.Event(), set[int]()
    moments = Hurting("commit-done", 3, begun.set)

    async def hurt() -> None:
        await begun.wait()
        async with every_process(world, by, seen):
            await asyncio.get_running_loop().create_future()

    task = asyncio.ensure_future(hurt())
    problem = await failed(world, clean.source, moments)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert problem.kind is Kind.STORE_DIED
    assert re.search(how, problem.message)
    assert "failed 3 times" in problem.message
    assert len(seen) >= 2, "none was started in place of the first"
    for pid in seen:
        wait_until_gone(pid)
    world.deadline = 60.0
    await finish(world, clean)


async def test_its_process_cannot_write(tmp_path: Path, clean: Undisturbed) -> None:
    """The kernel refuses it larger files: no record is to blame for that."""
    world = EdgeWorld(tmp_path, 3)

    def refuse() -> None:
        assert world.edge.pid is not None
        resource.prlimit(world.edge.pid, resource.RLIMIT_FSIZE, (0, 0))

    problem = await failed(world, clean.source, Hurting("commit-done", 1, refuse))
    assert problem.kind is Kind.UNAVAILABLE
    assert "File too large" in problem.message
    await finish(world, clean)


@pytest.mark.parametrize(
    "pages", [4, *(pytest.param(n, marks=pytest.mark.nightly) for n in (1, 2, 3, 8, 12, 16))]
)
async def test_the_disk_is_full_between_check_and_write(
    tmp_path: Path, disk: Path, clean: Undisturbed, pages: int
) -> None:
    """Others may write, too: then the engine dies by SIGBUS, or says so."""
    world = EdgeWorld(disk, 4)
    world.state = tmp_path / "state"  # what happens there: see `test_failing_disk`

    def fill() -> None:
        found = os.statvfs(disk)
        taken = (found.f_blocks - found.f_bfree) * found.f_frsize
        resize(disk, str(taken + pages * mmap.PAGESIZE))

    problem = await failed(world, clean.source, Hurting("commit-done", 2, fill))
    assert exit_of_error(problem.kind) is Exit.UNAVAILABLE
    resize(disk, "1g")
    await finish(world, clean)
