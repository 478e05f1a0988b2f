"""What every Catalog promises: collections listed, given another name, removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.errors import Fatal, NoIndex
from pulse_cli.simulators.http import serving
from pulse_cli.simulators.qdrant import QdrantService
from pulse_cli.store.edge.catalog import EdgeCatalog
from pulse_cli.store.edge.store import open_edge
from pulse_cli.store.qdrant.catalog import QdrantCatalog
from pulse_cli.store.qdrant.store import open_qdrant
from tests.contract.test_store import DIMENSION, point
from tests.store.points import upsert

Made = tuple[Any, Callable[..., Any]]


@asynccontextmanager
async def edge(folder: Path) -> AsyncIterator[Made]:
    catalog = EdgeCatalog(folder)
    yield catalog, lambda name, **more: open_edge(folder, name, min_free=0, **more)
    await catalog.aclose()


@asynccontextmanager
async def qdrant(folder: Path) -> AsyncIterator[Made]:
    service = QdrantService(folder)
    async with serving(service) as simulator:
        catalog = QdrantCatalog(simulator.url, api_key=None, timeout=10.0, trust_env=False)
        yield catalog, lambda name, **more: open_qdrant(simulator.url, name, **more)
        await catalog.aclose()
    service.close()


@pytest.fixture(params=[edge, qdrant])
async def made(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Made]:
    async with request.param(tmp_path / "stores") as made:
        yield made


async def fill(opener: Callable[..., Any], name: str, count: int) -> None:
    store = opener(name)
    await store.open(DIMENSION)
    await upsert(store, [point(f"https://a.example/{n}") for n in range(count)])
    await store.close()


async def count(opener: Callable[..., Any], name: str) -> int:
    store = opener(name, create=False)
    try:
        await store.open(0)
        return int(await store.count())
    finally:
        await store.close()


async def test_an_empty_place_holds_nothing(made: Made) -> None:
    catalog, _ = made
    assert await catalog.collections() == []
    assert await catalog.aliases() == {}


async def test_collections_are_listed_with_their_size(made: Made) -> None:
    catalog, opener = made
    for number, name in enumerate(("notes", "my pages"), start=2):
        await fill(opener, name, number)
    assert await catalog.collections() == ["my pages", "notes"]
    assert (await catalog.size("my pages")) > 0


async def test_an_alias_leads_readers_from_one_collection_to_another(made: Made) -> None:
    catalog, opener = made
    await fill(opener, "old", 2)
    await fill(opener, "new", 3)
    for name, points in (("old", 2), ("new", 3)):
        await catalog.set_alias("live", name)
        assert await catalog.aliases() == {"live": name}
        assert await count(opener, "live") == points
    assert await catalog.collections() == ["new", "old"]


async def test_an_alias_does_not_hide_a_collection(made: Made) -> None:
    catalog, opener = made
    await fill(opener, "old", 2)
    await fill(opener, "new", 3)
    with pytest.raises(Fatal) as raised:
        await catalog.set_alias("old", "new")
    assert "old" in str(raised.value)
    assert await count(opener, "old") == 2
    with pytest.raises(Fatal):
        await catalog.set_alias("live", "nowhere")
    assert await catalog.aliases() == {}


async def test_dropping_removes_the_points_and_the_aliases(made: Made) -> None:
    catalog, opener = made
    await fill(opener, "old", 2)
    await fill(opener, "new", 3)
    await catalog.set_alias("live", "old")
    await catalog.drop("old")
    assert await catalog.collections() == ["new"]
    assert await catalog.aliases() == {}
    with pytest.raises(Fatal):
        await count(opener, "old")
    with pytest.raises(NoIndex):
        await catalog.drop("old")


async def test_dropping_an_alias_keeps_the_collection(made: Made) -> None:
    catalog, opener = made
    await fill(opener, "old", 2)
    await catalog.set_alias("live", "old")
    await catalog.drop("live")
    assert await catalog.aliases() == {}
    assert await count(opener, "old") == 2
