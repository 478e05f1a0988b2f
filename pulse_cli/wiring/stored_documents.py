"""The pages of an index as a source: a reader in its thread asks, the event loop reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from pulse_cli.errors import Fatal, Kind, PulseError
from pulse_cli.model import Document, Filter
from pulse_cli.ports import Store
from pulse_cli.store.pages import StoredPage, stored_pages
from pulse_cli.wiring import places
from pulse_cli.wiring.adapters import new_store
from pulse_cli.wiring.targets import target_name

if TYPE_CHECKING:
    from pulse_cli.config import Settings

T = TypeVar("T")

SLACK_S = 60.0
"""How much longer than the services' own patience a thread waits for the event loop."""


class StoredDocuments:
    """`read.index_records.StoredDocuments`; `patiently` waits for the store."""

    def __init__(
        self,
        settings: Settings,
        patiently: Callable[[str, Callable[[], Awaitable[Any]], float], Awaitable[Any]],
    ) -> None:
        """Make it inside the running event loop."""
        self._settings = settings
        self._patiently = patiently
        self._loop = asyncio.get_running_loop()
        self._stores: dict[str, Store] = {}

    def check(self, spec: str) -> None:
        """Raises Fatal where there is no such index, or where it is the target of the run."""
        if target_name(places.at(self._settings, spec)) == target_name(self._settings):
            raise Fatal(
                f"the index {spec!r} cannot be its own source",
                hint="name another one for the result: --collection NEW",
                kind=Kind.USAGE,
            )
        self._wait(self._open(spec))

    def documents(self, spec: str, skip: int) -> Iterator[Document | None]:
        """See the protocol. After a failure of the store it continues where it was."""
        place = _Place(skip)
        while (group := self._wait(self._next(spec, place))) is not None:
            for page in group:
                yield None if page is None else page.document()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        deadline = self._settings.run.give_up_after + SLACK_S
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(deadline)

    async def _open(self, spec: str) -> Store:
        if spec not in self._stores:
            store = new_store(places.at(self._settings, spec), create=False)
            self._stores[spec] = store
            await self._asked(lambda: store.open(0))
        return self._stores[spec]

    async def _next(self, spec: str, place: _Place) -> list[StoredPage | None] | None:
        store = await self._open(spec)

        async def ask() -> list[StoredPage | None] | None:
            if place.groups is None:
                place.groups = stored_pages(store, Filter(), place.done)
            try:
                return await anext(place.groups, None)
            except PulseError:
                place.groups = None
                raise

        group: list[StoredPage | None] | None = await self._asked(ask)
        place.done += len(group or ())
        return group

    async def _asked(self, call: Callable[[], Awaitable[Any]]) -> Any:
        patience = self._settings.run.give_up_after
        return await self._patiently("the index that is read", call, patience)

    async def close(self) -> None:
        for store in self._stores.values():
            await store.close()


class _Place:
    """How many pages have been read, and the iterator of the next ones."""

    def __init__(self, done: int) -> None:
        self.done = done
        self.groups: AsyncIterator[list[StoredPage | None]] | None = None
