"""Rebuilds and exports the rank-bm25 view of an index.

The lock of the target is held meanwhile, as `pulse index` holds it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_cli.app.turns import turn_wait
from pulse_cli.engine import SystemClock, hold_target_lock
from pulse_cli.errors import Fatal, Kind
from pulse_cli.events import NullObserver
from pulse_cli.wiring import Services, target_name

if TYPE_CHECKING:
    from pulse_cli.config import Settings


async def rebuild_bm25(settings: Settings) -> int:
    """Make the rank-bm25 view from the store. Returns its number of pages. Raises Fatal."""
    async with changing(settings) as services:
        return await services.rebuild_bm25(await services.store(0, create=False))


async def export_bm25(settings: Settings, file: Path) -> int:
    """Write the view in the original service's layout. Returns its pages. Raises Fatal."""
    from pulse_cli.store.rank_bm25.export import export

    async with Services(settings, NullObserver()) as services:
        view = await services.bm25_view()
        try:
            await services.run_in_thread(export, view, file)
        except OSError as error:
            raise Fatal(
                f"{file} cannot be written: {error.strerror or error}",
                hint="name a file in a folder that exists and may be written to",
                kind=Kind.DISK,
            ) from error
        return view.documents


@asynccontextmanager
async def changing(settings: Settings) -> AsyncIterator[Services]:
    """Services for a command that changes the index; no run writes meanwhile. Raises Fatal."""
    target, wait = target_name(settings), turn_wait(settings, NullObserver())
    async with (
        hold_target_lock(settings.state_folder, target, wait, SystemClock()),
        Services(settings, NullObserver()) as services,
    ):
        yield services
