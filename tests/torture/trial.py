"""One trial: a run that dies several times, compared with one that never did."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pulse_cli.errors import Fatal
from tests.torture.corpus import Crawl, crawl
from tests.torture.moments import Moments, anywhere, at
from tests.torture.services import Shelf
from tests.torture.world import Left, World

NEVER_MATTERS = 60.0


@dataclass(frozen=True)
class Case:
    """A crawl on disk, the store as an earlier crawl left it, and the right result."""

    folder: Path
    source: Path
    old_source: Path
    shelf: Shelf
    expected: Left
    restored: Left
    moments: Counter[str]
    exact: bool


async def make_case(folder: Path, seed: int, *, pages: int = 40, fresh: bool = False) -> Case:
    """With `fresh` the store is empty before, and then all counters must be equal."""
    folder.mkdir()
    older, latest = crawl(seed, pages // 2)
    newer, _ = crawl(seed + 10**6, pages, None if fresh else latest)
    source, old_source = (
        _written(folder / "new.jsonl", newer),
        _written(folder / "old.jsonl", older),
    )
    before = World(folder / "before", seed)
    if not fresh:
        await before.start(old_source)
    clean = World(folder / "clean", seed, shelf=before.shelf.copy())
    moments = Moments()
    await clean.start(source, moments)
    expected = clean.left(source, exact=fresh)
    await clean.start(old_source)
    restored = clean.left(old_source, exact=False).only(pages_of(before.shelf))
    return Case(folder, source, old_source, before.shelf, expected, restored, moments.passed, fresh)


def _written(path: Path, made: Crawl) -> Path:
    path.write_bytes(made.data)
    return path


def random_moments(rng: random.Random, case: Case) -> Moments:
    """Half of them at a named place, half anywhere."""
    if rng.random() < 0.5:
        name = rng.choice(sorted(case.moments))
        return Moments(at(name), rng.randint(1, min(5, case.moments[name])))
    return Moments(anywhere, rng.randint(1, case.moments.total()))


def pages_of(shelf: Shelf) -> set[str]:
    return {point.payload["canonical_url"] for point in shelf.points.values()}


@dataclass
class Verdict:
    """`differences` is empty if all is as it should be."""

    differences: list[str]
    crashes: int = 0


async def try_to_break(
    case: Case,
    deaths: list[Moments],
    seed: int,
    *,
    power: bool = False,
    flaky: float = 0.0,
    undo: bool = False,
) -> Verdict:
    """Run the case, dying at each of `deaths` in turn, then to the end; compare.

    `power`: the machine dies, and with it what the store had not synced. `undo`: afterwards
    the old crawl is indexed instead, from a file of its own: what was half done must not show.
    """
    rng = random.Random(seed)
    world = World(case.folder / f"trial-{seed}", seed, shelf=case.shelf.copy(), flaky=flaky)
    verdict = Verdict([])
    try:
        async with asyncio.timeout(NEVER_MATTERS):
            for moments in deaths:
                if await world.start(case.source, moments) is None:
                    verdict.crashes += 1
                    if power:
                        world.shelf.lose_power(rng)
                if world.finished(case.source):
                    break
            last = case.old_source if undo else case.source
            if not world.finished(last):
                await world.start(last)
            expected = case.restored if undo else case.expected
            left = world.left(last, exact=case.exact and not undo)
            if undo:  # pages of the new crawl only may be there or not
                left = left.only(pages_of(case.shelf))
                left.counts = expected.counts
            verdict.differences = expected.differences(left)
    except (Fatal, AssertionError, TimeoutError, ValueError) as error:
        verdict.differences = [f"{type(error).__name__}: {error}"]
    return verdict
