"""Files in the state folder: whenever a run dies, none stays for ever that nobody needs."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.corpus import page
from tests.torture.moments import Moments, anywhere
from tests.torture.world import World


def names(world: World) -> list[str]:
    """The files there, without what tells one run from another."""
    return sorted(re.sub(r"\d{8}T\d{6}-\w{6}", "RUN", path.name) for path in world.state.iterdir())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rng = random.Random(3)
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"\n".join(page(rng, f"https://site.example/{n}").line() for n in range(3)))
    return path


async def leftovers(
    folder: Path, source: Path, goes_on: Callable[[World], bool] = lambda world: True
) -> tuple[int, int]:
    """Die at the first moment, the second ..., while `goes_on`, and run the same command again.

    Returns how often it died, and how many of these deaths left a list of inputs behind.
    """
    undisturbed = World(folder / "clean", 1)
    await undisturbed.start(source)
    assert not [name for name in names(undisturbed) if "RUN" in name], "needed by no complete run"
    orphans = 0
    for nth in itertools.count(1):
        world = World(folder / str(nth), nth)
        summary = await world.start(source, Moments(anywhere, nth))
        if summary is not None or not goes_on(world):
            return nth - 1, orphans
        orphans += bool(list(world.state.glob("*.manifest.json")))
        assert await world.start(source) is not None
        assert names(world) == names(undisturbed), f"moment {nth}"
    raise AssertionError("it never ended")


def before_the_first_checkpoint(world: World) -> bool:
    return not list(world.state.glob("*.ckpt.json"))


async def test_a_start_that_died_before_its_first_checkpoint_leaves_nothing(
    tmp_path: Path, source: Path
) -> None:
    deaths, orphans = await leftovers(tmp_path, source, before_the_first_checkpoint)
    assert deaths >= 10
    assert orphans >= 3


@pytest.mark.nightly
async def test_a_run_that_died_at_any_moment_leaves_nothing(tmp_path: Path, source: Path) -> None:
    deaths, _ = await leftovers(tmp_path, source)
    assert deaths >= 50
