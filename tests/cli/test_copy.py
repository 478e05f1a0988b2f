"""`pulse copy`: everything arrives as it was, whatever stops it, and nothing is mixed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pulse_cli.app.copy import CopyJob, copy
from pulse_cli.app.loop import run
from pulse_cli.config import load
from pulse_cli.engine import Stop
from pulse_cli.events import NullObserver
from pulse_cli.model import Filter, Point, SparseVector
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.store.edge.store import open_edge
from pulse_cli.store.qdrant.store import open_qdrant
from tests.cli.conftest import Pulse

POINTS, DIMENSION = 1500, 8
ALL = Filter()


@pytest.fixture
def qdrant(tmp_path: Path) -> Iterator[str]:
    with SpawnedSimulator("qdrant", PROFILES["instant"], folder=tmp_path / "server") as simulator:
        yield simulator.url


@pytest.fixture
def filled(home: Path) -> Path:
    """A folder with the embedded collection `tea`: pages of one to four chunks at two hosts."""
    folder = home / "embedded"

    async def fill() -> None:
        store = open_edge(folder, "tea", min_free=0)
        await store.open(DIMENSION)
        rng = random.Random(7)
        points: list[Point] = []
        page = 0
        while len(points) < POINTS:
            chunks = rng.randint(1, 4)
            points += [some_point(rng, page, index) for index in range(chunks)]
            page += 1
        rows = np.random.default_rng(1).standard_normal((len(points), DIMENSION), np.float32)
        await store.upsert(points, rows)
        await store.sync()
        await store.close()

    run(fill())
    return folder


def some_point(rng: random.Random, page: int, index: int) -> Point:
    host = f"h{page % 2}.example"
    payload: dict[str, Any] = {
        "canonical_url": f"https://{host}/{page}",
        "domain": host,
        "chunk_index": index,
        "text": f"chunk {index} of page {page}",
        "token_count": 5,
    }
    if index == 0:
        payload["committed"] = True
    number = rng.getrandbits(128)
    text = f"{number:032x}"
    name = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return Point(name, SparseVector([page % 7, 9], [1.0, 0.5]), payload)


async def read(store: Any) -> dict[Any, tuple[Any, ...]]:
    await store.open(0)
    found = {}
    async for batch in store.whole_points(ALL):
        for point, row in zip(batch.points, batch.rows, strict=True):
            assert isinstance(point.words, SparseVector)
            weights = tuple(point.words.indices), tuple(point.words.values)
            found[point.id] = (dict(point.payload), tuple(np.round(row, 4)), weights)
    await store.close()
    return found


def test_there_and_back_again(pulse: Pulse, filled: Path, qdrant: str, home: Path) -> None:
    out = pulse("copy", str(filled / "tea"), f"{qdrant}/tea", "--json")
    assert out.code == 0, out.err
    assert out.json["complete"]
    assert out.json["compared"] == 100
    assert pulse("copy", f"{qdrant}/tea", f"{qdrant}/twin").code == 0
    back = pulse("copy", f"{qdrant}/twin", str(home / "back" / "tea"))
    assert back.code == 0, back.err
    assert "points copied" in back.out

    async def both() -> tuple[Any, Any, Any]:
        here = await read(open_edge(filled, "tea", create=False))
        there = await read(open_qdrant(qdrant, "tea", create=False))
        return here, there, await read(open_edge(home / "back", "tea", create=False))

    here, there, back_again = run(both())
    assert len(here) == out.json["points"] >= POINTS
    assert here == there == back_again
    assert not list((home / "state").rglob("*.copy.json*"))


def test_a_filter_copies_its_pages_only(pulse: Pulse, filled: Path, home: Path) -> None:
    target = home / "some" / "tea"
    ran = pulse("copy", str(filled / "tea"), str(target), "--filter", "domain=h1.example")
    assert ran.code == 0, ran.err
    inside = pulse("ls", str(target), "--json").json
    assert list(inside["hosts"]) == ["h1.example"]
    assert 0 < inside["chunks"] < POINTS


def test_a_collection_that_holds_points_is_left_alone(pulse: Pulse, filled: Path) -> None:
    assert pulse("copy", str(filled / "tea"), str(filled / "other")).code == 0
    again = pulse("copy", str(filled / "tea"), str(filled / "other"))
    assert again.code == 1
    assert "holds" in again.err
    same = pulse("copy", str(filled / "tea"), str(filled / "tea"))
    assert same.code == 2
    missing = pulse("copy", str(filled / "nothing"), str(filled / "new"))
    assert missing.code == 1
    assert "there is no index" in missing.err


def test_a_copy_that_was_stopped_goes_on_and_no_page_passes_for_whole_before(
    home: Path, filled: Path
) -> None:
    settings = load({}, None, {"HOME": str(home), "PULSE_STATE_DIR": str(home / "s")}).settings
    job = CopyJob(str(filled / "tea"), str(home / "copy" / "tea"))
    starts = 0
    while True:
        stop = Stop()
        told: list[int] = []

        def tell(done: int, _: int, stop: Stop = stop, told: list[int] = told) -> None:
            told.append(done)
            if len(told) == 2:
                stop.request()

        found = run(copy(settings, job, NullObserver(), stop, tell))
        starts += 1
        if found.complete:
            break
        assert found.points > found.before
        run(_check_half(home / "copy"))
    assert starts > 2

    async def both() -> tuple[Any, Any]:
        here = await read(open_edge(filled, "tea", create=False))
        return here, await read(open_edge(home / "copy", "tea", create=False))

    here, there = run(both())
    assert here == there
    assert found.points == len(here)


async def _check_half(folder: Path) -> None:
    """Every page that says it is whole has all its chunks."""
    store = open_edge(folder, "tea", create=False)
    points = await read(store)
    committed = [p["canonical_url"] for p, _, _ in points.values() if p.get("committed")]
    original = await read(open_edge(folder.parent / "embedded", "tea", create=False))
    for key in committed:
        count = sum(p["canonical_url"] == key for p, _, _ in points.values())
        assert count == sum(p["canonical_url"] == key for p, _, _ in original.values())


def test_a_copy_that_something_else_wrote_to_is_not_called_one(
    pulse: Pulse, filled: Path, home: Path, qdrant: str
) -> None:
    settings = load({}, None, {"HOME": str(home), "PULSE_STATE_DIR": str(home / "s")}).settings
    job = CopyJob(str(filled / "tea"), f"{qdrant}/tea")
    stop = Stop()
    run(copy(settings, job, NullObserver(), stop, lambda *_: stop.request()))

    async def add() -> None:
        store = open_qdrant(qdrant, "tea", create=False)
        await store.open(0)
        point = Point("00000000-0000-0000-0000-000000000001", "", {"text": "x"})
        await store.upsert([point], np.ones((1, DIMENSION), np.float32))
        await store.close()

    run(add())
    state = ["--state-dir", str(home / "s")]
    ran = pulse("copy", str(filled / "tea"), f"{qdrant}/tea", *state)
    assert ran.code == 1, ran.err
    assert "differs from its original" in ran.err
    assert json.dumps(ran.out) == '""'
