"""A run cut into shards leaves the index, dead letters and counts that one process leaves."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.fleet.shards_world import ShardsWorld
from tests.torture.corpus import crawl
from tests.torture.services import Shelf
from tests.torture.world import Left, World


def write_crawls(folder: Path, seed: int) -> list[Path]:
    """Two files: the second holds pages of the first, too, and both repeat their own."""
    first, latest = crawl(seed, 50)
    second, _ = crawl(seed + 1, 60, latest)
    paths = [folder / "first.jsonl", folder / "second.jsonl"]
    for path, made in zip(paths, (first, second), strict=True):
        path.write_bytes(made.data)
    return paths


async def one_process(folder: Path, sources: list[Path], seed: int) -> Left:
    """What one process leaves of the same lines in one file, which names its letters' source."""
    joined = folder / "joined.jsonl"
    joined.write_bytes(b"".join(path.read_bytes() for path in sources))
    world = World(folder / "one", seed)
    await world.start(joined)
    return world.left(joined, exact=True)


def shards_of(folder: Path, seed: int, name: str, shard_bytes: int = 3000) -> ShardsWorld:
    return ShardsWorld(folder / name, seed, [folder / "joined.jsonl"], shard_bytes, Shelf())


async def prepared(folder: Path, seed: int) -> Left:
    return await one_process(folder, write_crawls(folder, seed), seed)


@pytest.mark.parametrize("seed", range(4))
async def test_jobs_in_any_order_leave_what_one_process_leaves(tmp_path: Path, seed: int) -> None:
    expected = await prepared(tmp_path, seed)
    assert expected.dead_letters
    for number, at_once in enumerate((1, 3)):
        world = shards_of(tmp_path, seed + number, f"shards-{number}")
        plan = world.plan()
        assert len(plan.first) > 5
        assert plan.last
        left = await world.carry_out(plan, at_once=at_once)
        assert expected.differences(left) == []
        assert left.dead_letters == expected.dead_letters


async def test_jobs_that_die_and_begin_again_leave_what_one_process_leaves(tmp_path: Path) -> None:
    expected = await prepared(tmp_path, 7)
    for number in range(4):
        world = shards_of(tmp_path, number, f"shards-{number}")
        left = await world.carry_out(world.plan(), deaths=1)
        assert expected.differences(left) == []


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(40))
async def test_random_deaths(tmp_path: Path, seed: int) -> None:
    expected = await prepared(tmp_path, seed)
    for number in range(10):
        size = random.Random(number).choice([1000, 3000, 9000])
        world = shards_of(tmp_path, 100 * seed + number, f"shards-{number}", size)
        left = await world.carry_out(world.plan(), deaths=2, at_once=2)
        assert expected.differences(left) == []


async def test_pages_in_parts_are_one_shard(tmp_path: Path) -> None:
    """Parts on both sides of a cut are put together as one process does."""
    path = tmp_path / "joined.jsonl"
    lines = [
        {
            "markdown": f"part {n} " * 20,
            "chunk_index": n % 4,
            "metadata": {"url": f"https://a.org/{n // 4}"},
        }
        for n in range(80)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    world = World(tmp_path / "one", 0)
    await world.start(path)
    expected = world.left(path, exact=True)
    shards = shards_of(tmp_path, 0, "shards", 1500)
    assert len(shards.shards) > 5
    left = await shards.carry_out(shards.plan())
    assert expected.differences(left) == []
    assert left.counts["indexed"] == 20


async def test_no_page_is_in_two_jobs_that_run_at_once(tmp_path: Path) -> None:
    await prepared(tmp_path, 3)
    world = shards_of(tmp_path, 3, "shards")
    plan = world.plan()
    assert len(plan.last) > 1
    for jobs in (plan.first, plan.last):
        pages: list[str] = []
        for job in jobs:
            world.world.shelf.points.clear()
            await world.index(job)
            points = world.world.points().values()
            pages += {point["payload"]["canonical_url"] for point in points}
        assert len(pages) == len(set(pages))
