"""A run that is told to stop finishes what it was doing, soon, and goes on later."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from pulse_cli.cli.exit_codes import Exit, exit_of_run
from pulse_cli.engine import Stop
from tests.torture.corpus import crawl, page
from tests.torture.moments import Moments
from tests.torture.trial import make_case
from tests.torture.world import World

DRAINED_WITHIN_S = 5.0


class StopAt(Moments):
    """Nobody dies; at the n-th moment the run is told to stop."""

    def __init__(self, nth: int, stop: Stop) -> None:
        super().__init__()
        self._nth = nth
        self._stop = stop
        self.stopped_at: float | None = None
        self._loop = asyncio.get_running_loop()

    def passing(self, name: str) -> None:
        super().passing(name)
        if self.passed.total() == self._nth:
            self.stopped_at = time.monotonic()
            self._loop.call_soon_threadsafe(self._stop.request, signal.SIGTERM)


async def stopped(world: World, source: Path, nth: int) -> float:
    """Start a run and stop it at a moment; how many seconds it took to end."""
    stop = Stop()
    moments = StopAt(nth, stop)
    summary = await world.start(source, moments, stop=stop)
    assert summary is not None
    assert summary.error is None
    if summary.status != "complete":
        assert exit_of_run(summary) == Exit.TERMINATED
        assert summary.resume
    return time.monotonic() - (moments.stopped_at or time.monotonic())


@pytest.mark.parametrize("seed", range(2))
async def test_stopped_again_and_again_it_ends_soon_and_loses_nothing(
    tmp_path: Path, seed: int
) -> None:
    case = await make_case(tmp_path / "case", 50 + seed)
    rng = random.Random(seed)
    for number in range(8):
        world = World(case.folder / f"stopped-{number}", number, shelf=case.shelf.copy())
        for _ in range(3):
            nth = rng.randint(1, case.moments.total())
            assert await stopped(world, case.source, nth) < DRAINED_WITHIN_S
            if world.finished(case.source):
                break
        else:
            await world.start(case.source)
        assert case.expected.differences(world.left(case.source, exact=False)) == []


async def test_nothing_is_embedded_twice_over_a_stop(tmp_path: Path) -> None:
    rng = random.Random(3)
    source = tmp_path / "x.jsonl"
    lines = [page(rng, f"https://site.example/{n}").line() for n in range(60)]
    source.write_bytes(b"\n".join(lines))
    clean = World(tmp_path / "clean", 0)
    moments = Moments()
    await clean.start(source, moments)
    for number in range(8):
        world = World(tmp_path / str(number), number)
        for _ in range(3):
            await stopped(world, source, rng.randint(1, moments.passed.total()))
            if world.finished(source):
                break
        else:
            await world.start(source)
        assert Counter(world.embedded) == Counter(clean.embedded)


async def test_versions_that_wait_for_each_other_do_not_hold_up_a_stop(tmp_path: Path) -> None:
    """Every record is another version of one page, so every group but one waits."""
    rng = random.Random(4)
    source = tmp_path / "x.jsonl"
    url = "https://site.example/"
    source.write_bytes(b"\n".join(page(rng, url, most=20).line() for _ in range(40)))
    for nth in (5, 40, 80):
        assert await stopped(World(tmp_path / str(nth), nth), source, nth) < DRAINED_WITHIN_S


async def test_a_huge_record_behind_a_small_page_does_not_block_the_run(tmp_path: Path) -> None:
    """It waits for the room of a page that waits for others to fill its group."""
    source = tmp_path / "x.jsonl"
    huge = b'{"markdown": "' + b"x" * 67_108_400 + b'"}'  # no URL: 64 MiB until it is a dead letter
    source.write_bytes(page(random.Random(1), "https://site.example/").line() + b"\n" + huge)
    async with asyncio.timeout(30):
        summary = await World(tmp_path / "world", 1).start(source)
    assert summary is not None
    assert summary.counts.indexed == 1
    assert summary.counts.dead == {"no-url": 1}


def test_the_generated_crawls_hold_what_they_should() -> None:
    made, _ = crawl(1, 200)
    assert made.repeated >= 10
    kinds = [line[:14] for line in made.lines]
    assert b"" in kinds
    assert sum(line.startswith(b'{"markdown": "cut') for line in made.lines) >= 2
    assert sum(b"poisonous" in line for line in made.lines) >= 2
