"""Checks before a run whether the disk has room for its index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.store.disk_space import MIN_FREE_BYTES, free_bytes, is_short, taken_bytes
from pulse_cli.wiring.targets import edge_folder, is_server

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.model import Input


def disk_space_warning(settings: Settings, inputs: Sequence[Input]) -> str | None:
    """The warning if the disk of an embedded index clearly has no room for these inputs.

    It is only a warning: the size of an index is an estimate, and the store itself stops in time,
    with nothing lost. The disk of a server is not known.
    """
    if is_server(settings.qdrant.url):
        return None
    folder = edge_folder(settings)
    reading = sum(one.size or 0 for one in inputs)
    try:
        free, taken = free_bytes(folder), taken_bytes(folder / settings.qdrant.collection)
    except OSError:  # opening the store will report the error
        return None
    if not is_short(free, taken, reading):
        return None
    return (
        f"{free >> 20:,} MiB are free for {folder}, too little for the index of "
        f"{reading >> 20:,} MiB of pages, which takes several times as much; below "
        f"{MIN_FREE_BYTES >> 20} MiB the run stops, and goes on when there is room"
    )
