"""The embedded store under torture: its process found from outside, and a world that uses it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pulse_cli.store.edge.shard import Shard
from pulse_cli.store.edge.store import EdgeStore, open_edge
from tests.torture.moments import Moments
from tests.torture.services import DIMENSION
from tests.torture.world import NOT_COMPARED, World

COLLECTION = "c"


def edge_child(pid: int) -> int | None:
    """The process of the embedded store that process `pid` has now."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
        mine = [c for c in children if b"edge.child" in Path(f"/proc/{c}/cmdline").read_bytes()]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(mine[0]) if mine else None


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
    """All points of a shard that nobody holds."""
    shard = Shard.load(folder)
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
