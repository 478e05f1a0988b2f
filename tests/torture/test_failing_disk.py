"""The disk of the state folder fails at every single call of a run, and nothing is lost.

Whichever call fails, the run ends with a plain error or as if nothing had been, the next start
goes on with the same run, embeds nothing again that was committed, and leaves what a run leaves
whose disk never failed.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pulse_cli.cli.exit_codes import Exit, exit_of_run
from pulse_cli.engine import state_files
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.errors import Fatal, Kind
from pulse_cli.events import Problem
from tests.torture.corpus import POISON, Page, page, paragraph
from tests.torture.failing_disk import FAULTS, FailingDisk, Fault
from tests.torture.world import Left, World


def lines() -> Iterator[bytes]:
    """Pages that all differ, and records for dead letters before, between and behind them."""
    rng = random.Random(8)
    for number in range(14):
        url = f"https://site.example/{number}"
        if number % 6 == 0:
            yield Page(url, [paragraph(rng), f"{paragraph(rng)} {POISON}"]).line()
        elif number % 6 == 3 or number == 13:
            yield json.dumps({"markdown": paragraph(rng), "metadata": {}}).encode()
        else:
            yield page(rng, url).line()


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves whose disk works, with the names of its files but for the run's."""

    source: Path
    left: Left
    names: list[str]


@pytest.fixture
async def clean(tmp_path: Path) -> Undisturbed:
    source = tmp_path / "pages.jsonl"
    source.write_bytes(b"\n".join(lines()))
    world = World(tmp_path / "clean", 1)
    await world.start(source)
    left = world.left(source, exact=True)
    assert len(left.points) > 12
    assert len(left.dead_letters) == 6
    return Undisturbed(source, left, names(world))


def names(world: World) -> list[str]:
    return sorted(re.sub(r"\d{8}T\d{6}-\w{6}", "RUN", path.name) for path in world.state.iterdir())


def committed(world: World) -> set[str]:
    """The texts of all pages whose commit record is in the store."""
    points = [point.payload for point in world.shelf.points.values()]
    pages = {p["canonical_url"] for p in points if p["chunk_index"] == 0 and p["content_hash"]}
    return {payload["text"] for payload in points if payload["canonical_url"] in pages}


async def disturbed(world: World, source: Path, disk: FailingDisk) -> Problem | None:
    """Start a run on this disk; what it ended with."""
    try:
        summary = await world.start(source, calls=disk)
    except Fatal as error:
        return Problem(error.kind, str(error), error.hint)
    assert summary is not None
    assert (summary.error is None) == (summary.status == "complete")
    if summary.error is not None:
        assert summary.resume
    return summary.error


async def trial(folder: Path, clean: Undisturbed, kth: int, fault: Fault) -> bool:
    """Whether there was a k-th call."""
    world = World(folder, kth)
    disk = FailingDisk(kth, fault)
    problem = await disturbed(world, clean.source, disk)
    if problem is not None:
        assert disk.failed
        assert fault.code, "a short write is no error"
        assert problem.kind is (Kind.DISK_FULL if fault.full else Kind.DISK)
        assert str(world.state) in problem.message
        assert ("room" if fault.full else "--state-dir") in problem.hint
    files = state_files(world.state, [str(clean.source)], "memory")
    begun = CheckpointFile(files.checkpoint).load()
    assert begun is not None or not world.embedded, "embedded before there was a checkpoint"
    if problem is not None:
        done, before = committed(world), len(world.embedded)
        await go_on(world, clean.source, begun)
        assert not done & set(world.embedded[before:])
    assert clean.left.differences(world.left(clean.source, exact=True)) == []
    assert names(world) == clean.names
    return disk.reached


async def go_on(world: World, source: Path, begun: dict[str, object] | None) -> None:
    """The same command again: the run that was begun, where it stood."""
    summary = await world.start(source, calls=FailingDisk(0, Fault(0, lasting=False)))
    assert summary is not None
    assert exit_of_run(summary) is Exit.DEAD_LETTERS
    if begun is not None:
        assert summary.run_id == begun["run_id"], "it began again from zero"


SHORT_TIER = ("broken for a moment",)  # tells most
LAST = 8  # how many calls there are depends on how many checkpoints there is time for


@pytest.mark.parametrize(
    "name",
    [
        name if name in SHORT_TIER else pytest.param(name, marks=pytest.mark.nightly)
        for name in FAULTS
    ],
)
async def test_whichever_call_fails_nothing_is_lost(
    tmp_path: Path, clean: Undisturbed, name: str
) -> None:
    missed = 0
    for kth in itertools.count(1):
        missed += not await trial(tmp_path / str(kth), clean, kth, FAULTS[name])
        if missed == LAST:
            assert kth > 40, "the faults never happened"
            break
