"""Removes a collection, and gives one a second name (alias)."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from pulse_cli.app.turns import turn_wait
from pulse_cli.engine import SystemClock, hold_target_lock
from pulse_cli.errors import Fatal, Kind
from pulse_cli.events import NullObserver
from pulse_cli.model import Filter
from pulse_cli.wiring import Services, new_catalog, target_name

if TYPE_CHECKING:
    from pulse_cli.config import Settings


async def drop(settings: Settings) -> None:
    """Remove the collection of the settings, or the alias of that name. Raises Fatal."""
    wait = turn_wait(settings, NullObserver())
    target = target_name(settings)
    async with (
        hold_target_lock(settings.state_folder, target, wait, SystemClock()),
        Services(settings, NullObserver()) as services,
        aclosing(new_catalog(settings)) as catalog,
    ):
        name = settings.qdrant.collection
        await services.patiently("the store", lambda: catalog.drop(name))


async def meant(settings: Settings) -> str | None:
    """The collection that the name in the settings is an alias of. Raises Fatal."""
    async with (
        Services(settings, NullObserver()) as services,
        aclosing(new_catalog(settings)) as catalog,
    ):
        aliases = await services.patiently("the store", catalog.aliases)
    return aliases.get(settings.qdrant.collection)


async def points_of(settings: Settings) -> int:
    """How many points `drop` would remove. Raises Fatal where there is no such collection."""
    async with Services(settings, NullObserver()) as services:
        store = await services.store(0, create=False)
        return await services.patiently("the store", lambda: store.count(Filter()))


async def give_alias(settings: Settings, alias: str) -> None:
    """Make `alias` a name of the collection of the settings. Raises Fatal."""
    async with (
        Services(settings, NullObserver()) as services,
        aclosing(new_catalog(settings)) as catalog,
    ):
        name = settings.qdrant.collection
        await services.patiently("the store", lambda: catalog.set_alias(alias, name))


def check_alias(alias: str, collection: str) -> None:
    """Raises Fatal (exit 2) for a name that cannot be an alias of the collection."""
    from pulse_cli.collection_name import check_name

    try:
        check_name(alias)
    except ValueError as error:
        raise Fatal(f"--alias {alias!r}: {error}", kind=Kind.USAGE) from error
    if alias == collection:
        raise Fatal(
            f"--alias {alias!r} is the collection itself",
            hint="write into a collection of another name: --collection NEW",
            kind=Kind.USAGE,
        )
