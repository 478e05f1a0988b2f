"""What an index holds: collections, and the pages of one by host, language, age and status.

The store itself computes all figures (facets and counts), so a large index needs no more requests
than a small one. A figure is None where its payload index is missing: the collection was written
by an older pulse or by another program.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulse_cli.errors import Fatal, Rejected
from pulse_cli.model import Filter
from pulse_cli.payload import (
    COMMITTED,
    DOMAIN,
    EMBEDDER,
    INDEXED_AT,
    KEY,
    LANGUAGE,
    TOKEN_COUNT,
    URL,
)
from pulse_cli.ports import NO_PAYLOAD_INDEX, Observer, Store
from pulse_cli.wiring import Services, is_server, new_catalog, places, target_of

if TYPE_CHECKING:
    from pulse_cli.config import Settings

ALL, PAGES = Filter(), Filter({COMMITTED: True})


@dataclass(frozen=True, slots=True)
class Overview:
    """One collection. `pages` are whole; `unfinished` are being written, or half-written.

    `last_run` is the start of the run that wrote last, RFC 3339. `bytes` is the size of vectors and
    payloads at a server, and of the files in a folder. With a `problem` the rest is not known.
    """

    name: str
    store: str
    aliases: tuple[str, ...] = ()
    pages: int | None = None
    unfinished: int | None = None
    chunks: int | None = None
    dimension: int | None = None
    embedders: tuple[str, ...] = ()
    bytes: int | None = None
    last_run: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """The pages of one collection: how many of each host, language and start of a run.

    `chunk_tokens` maps a number of tokens to the number of chunks of that length. None: not known.
    """

    overview: Overview
    hosts: Mapping[str, int] | None
    languages: Mapping[str, int] | None
    indexed_at: Mapping[str, int] | None
    chunk_tokens: Mapping[int, int] | None


async def collections(settings: Settings, observer: Observer) -> list[Overview]:
    """All collections at the server or folder of the settings, and all embedded ones.

    Raises Fatal.
    """
    where = [settings]
    if is_server(settings.qdrant.url):
        where.append(places.embedded(settings))
    return [one for place in where for one in await _collections_at(place, observer)]


async def _collections_at(settings: Settings, observer: Observer) -> list[Overview]:
    found = []
    async with Services(settings, observer) as services, aclosing(new_catalog(settings)) as catalog:
        names = await services.patiently("the store", catalog.collections)
    for name in names:
        one = places.at(settings, name)
        try:
            found.append(await overview(one, observer))
        except Fatal as error:
            found.append(Overview(name, target_of(one, 0).store, problem=str(error)))
    return found


async def overview(settings: Settings, observer: Observer) -> Overview:
    """The collection of the settings. Raises Fatal where there is none."""
    async with Services(settings, observer) as services:
        store = await services.store(0, create=False)
        return await services.patiently("the store", lambda: _overview(settings, store))


async def contents(settings: Settings, observer: Observer) -> Contents:
    """The collection of the settings, with its pages and chunks by kind. Raises Fatal."""
    async with Services(settings, observer) as services:
        store = await services.store(0, create=False)

        async def look() -> Contents:
            shown = await _overview(settings, store)
            return Contents(
                shown,
                hosts=await _facet(store, DOMAIN, PAGES),
                languages=await _languages(store, shown.pages),
                indexed_at=await _facet(store, INDEXED_AT, PAGES),
                chunk_tokens=await _sizes(store),
            )

        return await services.patiently("the store", look)


async def urls(settings: Settings, observer: Observer) -> AsyncIterator[list[str]]:
    """The addresses of all pages, in batches. Raises Fatal."""
    async with Services(settings, observer) as services:
        store = await services.store(0, create=False)
        async for hits in store.scroll((URL, KEY), PAGES):
            yield [str(hit.payload.get(URL) or hit.payload.get(KEY)) for hit in hits]


async def _overview(settings: Settings, store: Store) -> Overview:
    target = target_of(settings, 0)
    async with aclosing(new_catalog(settings)) as catalog:
        aliases = await catalog.aliases()
        name = aliases.get(target.collection, target.collection)
        size = await catalog.size(name)
    states = await _facet(store, COMMITTED, ALL)
    dates = await _facet(store, INDEXED_AT, ALL)
    return Overview(
        name=name,
        store=target.store,
        aliases=tuple(sorted(alias for alias, meant in aliases.items() if meant == name)),
        pages=None if states is None else states.get("true", 0),
        unfinished=None if states is None else states.get("false", 0),
        chunks=await store.count(),
        dimension=store.dimension,
        embedders=tuple(await _facet(store, EMBEDDER, ALL) or ()),
        bytes=size,
        last_run=max(dates or (), default=None),
    )


async def _facet(store: Store, name: str, where: Filter) -> dict[str, int] | None:
    """Counts by value (as text); None where the collection has no index of the field."""
    try:
        found = await store.facet(name, where)
    except Rejected as error:
        if error.reason != NO_PAYLOAD_INDEX:
            raise
        return None
    return {_word(value): number for value, number in found.items()}


def _word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _languages(store: Store, pages: int | None) -> dict[str, int] | None:
    """Pages by language; "" counts those without one."""
    found = await _facet(store, LANGUAGE, PAGES)
    if found is not None and pages is not None and (silent := pages - sum(found.values())) > 0:
        found[""] = silent
    return found


async def _sizes(store: Store) -> dict[int, int] | None:
    found = await _facet(store, TOKEN_COUNT, ALL)
    return None if found is None else {int(n): of for n, of in found.items() if n.isdecimal()}
