"""Who may write into an embedded collection: one process, or all processes of one run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_cli.errors import Locked
from pulse_cli.store.edge.launch import environment
from pulse_cli.store.edge.store import EdgeStore, open_edge
from tests.store.edge.test_store import DIMENSION, points
from tests.store.points import upsert

IN_ANOTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from pulse_cli.store.edge.store import open_edge

async def main():
    store = open_edge(Path(sys.argv[1]), "pages", min_free=0, lock_wait=0.0)
    await store.open(16)
    try:
        await store.begin_load(bulk=False, run_id=sys.argv[2])
        print("may write")
    except Exception as error:
        print(type(error).__name__)
    await store.close()

asyncio.run(main())
"""


def another(folder: Path, run_id: str) -> str:
    """What another process is told that asks to write for this run."""
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(folder), run_id]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, env=environment()
    )
    return ended.stdout.strip()


async def opened(folder: Path) -> EdgeStore:
    store = open_edge(folder, "pages", min_free=0, lock_wait=0.0)
    await store.open(DIMENSION)
    return store


async def test_processes_of_one_run_write_together_and_shut_out_all_others(tmp_path: Path) -> None:
    first = await opened(tmp_path)
    await first.begin_load(bulk=False, run_id="A")
    assert another(tmp_path, "A") == "may write"
    assert another(tmp_path, "B") == "Locked"
    assert another(tmp_path, "") == "Locked"
    await first.release()
    assert another(tmp_path, "B") == "may write"
    await first.close()


async def test_a_run_keeps_the_right_to_write_until_its_last_process_gives_it_back(
    tmp_path: Path,
) -> None:
    first, second, other = [await opened(tmp_path) for _ in range(3)]
    await first.begin_load(bulk=False, run_id="A")
    await second.begin_load(bulk=False, run_id="A")
    await first.release()
    with pytest.raises(Locked):
        await other.begin_load(bulk=False, run_id="B")
    await second.close()
    await other.begin_load(bulk=False, run_id="B")
    with pytest.raises(Locked):
        await first.begin_load(bulk=False, run_id="A")
    await other.close()
    await first.close()


async def test_writers_that_name_no_run_are_of_no_run(tmp_path: Path) -> None:
    first = await opened(tmp_path)
    await first.begin_load(bulk=False)
    assert another(tmp_path, "") == "Locked"
    await first.close()


async def test_a_run_may_write_at_the_next_owner_and_others_may_not(tmp_path: Path) -> None:
    first, reader = await opened(tmp_path), await opened(tmp_path)
    await first.begin_load(bulk=False, run_id="A")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    assert await reader.count() == 0  # it starts the next owner, before `first` asks again
    assert another(tmp_path, "B") == "Locked"
    assert another(tmp_path, "A") == "may write"
    await upsert(first, points(0, 3))
    assert await reader.count() == 3
    await first.close()
    await reader.close()
