"""The embedded store under torture: its process found from outside, and a world that uses it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pulse_cli.store.edge.folder import CollectionFolder
from pulse_cli.store.edge.shard import Shard
from pulse_cli.store.edge.store import EdgeStore, open_edge
from tests.torture.moments import Moments
from tests.torture.services import DIMENSION
from tests.torture.world import NOT_COMPARED, World

COLLECTION = "c"


def edge_owner(folder: Path) -> int | None:
    """The process that owns the collection in `folder` now."""
    try:
        owner = CollectionFolder(folder).owner()
        command = Path(f"/proc/{owner.pid}/cmdline").read_bytes() if owner else b""
    except OSError:
        return None
    return owner.pid if owner and str(folder).encode() in command else None


def is_gone(pid: int) -> bool:
    """Whether it has ended; whose child it is now may not have noticed yet."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pid: int, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not is_gone(pid):
        assert time.monotonic() < until, "it lives on"
        time.sleep(0.01)


def records_in(folder: Path) -> list[dict[str, Any]]:
    """All points of a collection that nobody has open."""
    shard = Shard.load(CollectionFolder(folder).shard)
    try:
        return shard.scroll(None, 100_000, None, True, True)[0]
    finally:
        shard.close()


class EdgeWorld(World):
    """A world whose store is the embedded one; `edge` is that of the last start."""

    edge: EdgeStore
    deadline = 60.0

    async def open_store(self, moments: Moments) -> EdgeStore:
        self.edge = open_edge(
            self.folder, COLLECTION, min_free=0, lock_wait=5.0, deadline=self.deadline
        )
        await self.edge.open(DIMENSION)
        return self.edge

    def points(self) -> dict[str, Any]:
        return {
            str(record["id"]): {
                "payload": {k: v for k, v in record["payload"].items() if k not in NOT_COMPARED},
                "vectors": record["vector"],
            }
            for record in records_in(self.folder / COLLECTION)
        }
