"""Deletes pages from an index: pages named by their addresses, or all that match a selection.

The lock of the target is held meanwhile, as `pulse index` holds it, so a page is not deleted
while a run writes it. An interrupted deletion can be repeated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pulse_cli.app.maintain import changing
from pulse_cli.engine.prune import under
from pulse_cli.events import NullObserver
from pulse_cli.model import Filter
from pulse_cli.payload import CHUNK_COUNT, CHUNK_INDEX, DOMAIN, INDEXED_AT, KEY
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.ports import Store

EXAMPLES = 5
_FIELDS = (KEY, CHUNK_INDEX, CHUNK_COUNT, INDEXED_AT)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pages to delete; a page must meet every condition that is given.

    `prefix` is a prefix of canonical URLs; without a path it stands for exactly that host. `before`
    (RFC 3339, UTC) selects pages last written earlier. A page found unchanged keeps its date.
    """

    prefix: str = ""
    host: str = ""
    before: str = ""

    @property
    def where(self) -> Filter:
        return Filter({DOMAIN: self.host} if self.host else {}, self.prefix or None)

    def holds(self, key: str, indexed_at: object) -> bool:
        """The conditions that the store cannot check. A page without a date is not older."""
        if self.prefix and not under(key, self.prefix):
            return False
        return not self.before or (isinstance(indexed_at, str) and indexed_at < self.before)


@dataclass(slots=True)
class Selected:
    """How many pages and points match a selection, and some of the addresses."""

    pages: int = 0
    points: int = 0
    examples: tuple[str, ...] = ()

    def add(self, found: dict[str, int]) -> None:
        self.pages += len(found)
        self.points += sum(found.values())
        self.examples = (*self.examples, *found)[:EXAMPLES]


async def delete_pages(settings: Settings, urls: Sequence[str]) -> dict[str, int]:
    """Delete the pages with these addresses: canonical URL -> points deleted. Raises Fatal."""
    from pulse_cli.prepare.identity import canonical_url

    keys = list(dict.fromkeys(canonical_url(url) for url in urls))
    deleted: dict[str, int] = {}
    async with changing(settings) as services:
        store = await services.store(0, create=False)

        async def delete(key: str) -> int:
            points = 0
            async for hits in store.scroll((), Filter(equals={KEY: key})):
                points += len(hits)
            if points:
                await store.delete_pages([key])
            return points

        for key in keys:
            deleted[key] = await services.patiently("the store", partial(delete, key))
        await _finish(services, store, changed=any(deleted.values()))
    return deleted


async def select_pages(settings: Settings, selection: Selection) -> Selected:
    """What `delete_selected` would delete. Reads only. Raises Fatal."""
    async with Services(settings, NullObserver()) as services:
        store = await services.store(0, create=False)

        async def look() -> Selected:
            selected = Selected()
            async for found in _batches(store, selection):
                selected.add(found)
            return selected

        return await services.patiently("the store", look)


async def delete_selected(settings: Settings, selection: Selection) -> Selected:
    """Delete the pages that match the selection now. Raises Fatal."""
    selected = Selected()
    async with changing(settings) as services:
        store = await services.store(0, create=False)

        async def delete() -> None:
            async for found in _batches(store, selection):
                if found:
                    await store.delete_pages(sorted(found))
                    selected.add(found)

        await services.patiently("the store", delete)
        await _finish(services, store, changed=bool(selected.pages))
    return selected


async def _batches(store: Store, selection: Selection) -> AsyncIterator[dict[str, int]]:
    """Matching pages with their numbers of points, batch by batch.

    Pages are found by their first chunks. An interrupted write leaves several of one page, which
    are counted once if they come in one batch.
    """
    async for hits in store.scroll(_FIELDS, selection.where):
        found: dict[str, int] = {}
        for payload in (hit.payload for hit in hits):
            key, count = payload.get(KEY), payload.get(CHUNK_COUNT)
            if payload.get(CHUNK_INDEX) != 0 or not isinstance(key, str):
                continue
            if selection.holds(key, payload.get(INDEXED_AT)):
                found[key] = found.get(key, 0) + (count if isinstance(count, int) else 1)
        yield found


async def _finish(services: Services, store: Store, *, changed: bool) -> None:
    await services.patiently("the store", store.sync)
    if changed and services.settings.bm25.engine == "rank-bm25":
        await services.rebuild_bm25(store)
