"""The embedded store when its process dies, hangs, is locked out or runs out of disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pulse_cli.errors import Fatal, Kind, Locked, Unavailable
from pulse_cli.model import Filter
from pulse_cli.store.edge.connection import Answered
from pulse_cli.store.edge.launch import environment
from pulse_cli.store.edge.refusals import translate
from pulse_cli.store.edge.store import EdgeStore, open_edge
from tests.store.points import Whole, upsert

DIMENSION = 16
LEFT = ["collection.json", "owner.lock", "shard"]  # of a collection that nobody has open
ALL = Filter()


def points(first: int, count: int, dimension: int = DIMENSION) -> list[Whole]:
    rng = np.random.default_rng(first)
    return [
        Whole(
            str(uuid.uuid5(uuid.NAMESPACE_URL, str(n))),
            rng.standard_normal(dimension, dtype=np.float32),
            f"word{n % 50}",
            {"canonical_url": f"https://a.example/{n}", "text": "text " * 20, "content_hash": "h"},
        )
        for n in range(first, first + count)
    ]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EdgeStore]:
    made = open_edge(tmp_path, "pages", min_free=0)
    await made.open(DIMENSION)
    yield made
    await made.close()


def kill(store: EdgeStore, number: int = signal.SIGKILL) -> int:
    assert store.pid is not None
    os.kill(store.pid, number)
    return store.pid


async def gone(pid: int) -> None:
    """Wait until the process has ended (it may be someone else's child)."""
    while "\nState:\tZ" not in _status(pid):  # noqa: ASYNC110 - the kernel sets no event
        await asyncio.sleep(0.01)


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return "\nState:\tZ"


async def test_a_killed_process_is_replaced_and_loses_nothing(store: EdgeStore) -> None:
    """Killed between requests and in the middle of them, over and over."""
    sent = 0
    for trial in range(6):
        first = store.pid
        writes = [
            asyncio.ensure_future(upsert(store, points(sent + 200 * n, 200))) for n in range(3)
        ]
        for _ in range(trial):
            await asyncio.sleep(0.002)
        kill(store)
        await asyncio.gather(*writes)
        sent += 600
        assert await store.count() == sent
        assert store.pid != first
    found = [hit async for hits in store.scroll([], ALL) for hit in hits]
    assert {hit.id for hit in found} == {point.id for point in points(0, sent)}


async def test_a_process_that_hangs_is_ended_and_replaced(tmp_path: Path) -> None:
    store = open_edge(tmp_path, "pages", min_free=0, deadline=1.0)
    await store.open(DIMENSION)
    await upsert(store, points(0, 10))
    first = kill(store, signal.SIGSTOP)
    await upsert(store, points(10, 10))
    assert await store.count() == 20
    assert store.pid != first
    await store.close()


async def test_a_process_that_always_dies_ends_the_run_resumably(
    store: EdgeStore, tmp_path: Path
) -> None:
    """Killed again as soon as it is back; the message says how it ended."""
    await upsert(store, points(0, 5))

    async def kill_always() -> None:
        while True:
            with contextlib.suppress(ProcessLookupError):
                if store.pid is not None:
                    kill(store)
            await asyncio.sleep(0)

    killer = asyncio.ensure_future(kill_always())
    writes = (upsert(store, points(100 * n, 100)) for n in range(20))
    errors = [e for e in await asyncio.gather(*writes, return_exceptions=True) if e is not None]
    killer.cancel()
    for error in errors:
        assert isinstance(error, Fatal)
        assert isinstance(error, Unavailable)
        assert f"{tmp_path}/pages failed 3 times" in str(error)
        assert "SIGKILL" in str(error)
    assert errors
    with pytest.raises(Fatal, match="SIGKILL"):  # at once: a run that ends anyway should end soon
        await store.sync()
    await store.close()
    again = open_edge(tmp_path, "pages", min_free=0)
    await again.open(DIMENSION)
    assert await again.count() >= 5
    await again.close()


async def test_ctrl_c_does_not_reach_the_process(store: EdgeStore) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = kill(store, number)
        await upsert(store, points(0, 5))
        assert store.pid == before
    assert store.pid is not None
    assert os.getsid(store.pid) == store.pid


HOLDER = """
import asyncio, sys
from pulse_cli.store.edge.store import open_edge
async def main():
    store = open_edge(sys.argv[1], "pages", min_free=0)
    await store.open(16)
    await store.begin_load(bulk=False)
    print(store.pid, flush=True)
    await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts another process that holds the same collection."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(tmp_path)],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **environment()},
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def first_line(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(await asyncio.to_thread(process.stdout.readline))


async def test_the_owner_ends_with_its_last_client(
    holder: Callable[[], subprocess.Popen[str]],
) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        client = holder()
        owner = await first_line(client)
        client.send_signal(number)
        await asyncio.to_thread(client.wait)
        async with asyncio.timeout(10):
            await gone(owner)


async def test_the_owner_outlives_the_process_that_started_it(
    tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    starter = holder()
    owner = await first_line(starter)
    search = open_edge(tmp_path, "pages", create=False, min_free=0)
    await search.open(0)
    starter.kill()
    await asyncio.to_thread(starter.wait)
    assert await search.count() == 0
    assert search.pid == owner
    await search.close()
    async with asyncio.timeout(10):
        await gone(owner)
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == LEFT


async def test_a_program_that_fails_without_closing_ends(tmp_path: Path) -> None:
    """Its event loop cancels what is left; neither process waits for the other."""
    program = HOLDER.replace("await asyncio.get_running_loop().create_future()", "raise ValueError")
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment()},
        timeout=60,
        check=False,
    )
    assert "ValueError" in process.stderr
    async with asyncio.timeout(10):
        await gone(int(process.stdout))


async def test_an_owner_that_hangs_without_clients_is_replaced(
    tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    client = holder()
    owner = await first_line(client)
    os.kill(owner, signal.SIGSTOP)
    client.kill()
    store = open_edge(tmp_path, "pages", create=False, min_free=0, deadline=0.5)
    await store.open(0)
    assert store.pid != owner
    assert await store.count() == 0
    await gone(owner)
    await store.close()


async def test_one_at_a_time_may_write_and_all_may_read(
    tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    first = holder()
    await first_line(first)
    search = open_edge(tmp_path, "pages", create=False, min_free=0)
    await search.open(0)
    assert await search.count() == 0
    with pytest.raises(Fatal, match=f"in use by another run .process {first.pid}.") as raised:
        await upsert(search, points(0, 1))
    assert isinstance(raised.value, Locked)
    second = open_edge(tmp_path, "pages", lock_wait=0.2, min_free=0)
    await second.open(DIMENSION)
    with pytest.raises(Fatal, match="in use") as raised:
        await second.begin_load(bulk=False)
    assert isinstance(raised.value, Locked)
    await second.close()
    patient = open_edge(tmp_path, "pages", lock_wait=30.0, min_free=0)
    await patient.open(DIMENSION)
    claiming = asyncio.ensure_future(patient.begin_load(bulk=False))
    await asyncio.sleep(0.3)
    first.kill()
    await claiming
    await upsert(patient, points(0, 3))
    assert await search.count() == 3
    with pytest.raises(Locked):
        await upsert(search, points(3, 3))
    await patient.release()
    await upsert(search, points(3, 3))
    await search.release()
    await upsert(patient, points(6, 3))
    await patient.close()
    await search.close()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("WAL error: No space left on device (os error 28)", Kind.DISK_FULL),
        ("Service runtime error: IO Error: Input/output error (os error 5)", Kind.UNAVAILABLE),
        ("Too many open files (os error 24)", Kind.UNAVAILABLE),
    ],
)
def test_what_the_disk_does_is_blamed_on_no_record(text: str, kind: str) -> None:
    error = translate(Answered("engine", text), Path("/data/pages"))
    assert isinstance(error, Fatal)
    assert isinstance(error, Unavailable)
    assert error.kind is kind
    assert "/data/pages" in str(error)
    assert "same command again" in error.hint


async def test_little_space_stops_before_the_write(tmp_path: Path) -> None:
    store = open_edge(tmp_path, "pages", min_free=0)
    await store.open(DIMENSION)
    await upsert(store, points(0, 5))
    await store.close()
    full = open_edge(tmp_path, "pages", min_free=1 << 60, create=False)
    await full.open(0)
    assert await full.count() == 5, "reading needs no space"
    for write in (
        upsert(full, points(5, 5)),
        full.set_committed([points(0, 1)[0].id], False),
        full.delete_pages(["https://a.example/0"]),
    ):
        with pytest.raises(Fatal, match="MiB left") as raised:
            await write
        assert raised.value.kind is Kind.DISK_FULL
    assert await full.count() == 5
    await full.close()
    new = open_edge(tmp_path, "other", min_free=1 << 60)
    with pytest.raises(Fatal, match="MiB left"):
        await new.open(DIMENSION)
    assert not (tmp_path / "other").exists()


async def test_a_creation_cut_short_is_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    (folder / "shard.new").mkdir(parents=True)
    (folder / "shard.new" / "edge_config.json").write_text("{")
    (folder / ".collection.json.1.new").write_text("{")
    store = open_edge(tmp_path, "pages", min_free=0)
    await store.open(DIMENSION)
    await upsert(store, points(0, 3))
    assert await store.count() == 3
    await store.close()
    assert set(LEFT) <= {path.name for path in folder.iterdir()}


async def test_a_folder_that_is_no_index_is_fatal_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "thesis.txt").write_text("do not touch")
    store = open_edge(tmp_path, "pages", min_free=0)
    with pytest.raises(Fatal, match=r"holds thesis\.txt") as raised:
        await store.open(DIMENSION)
    assert "--collection" in raised.value.hint
    await store.close()
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["thesis.txt"]


async def test_only_the_owner_can_read_the_files(store: EdgeStore) -> None:
    await upsert(store, points(0, 5))
    await store.sync()
    paths = [store.path, *store.path.rglob("*")]
    assert len(paths) > 5
    assert not [path for path in paths if path.stat().st_mode & 0o077]


async def test_the_environment_of_the_process_holds_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_QDRANT__API_KEY", "canary")
    store = open_edge(tmp_path, "pages", min_free=0)
    await store.open(DIMENSION)
    assert b"canary" not in Path(f"/proc/{store.pid}/environ").read_bytes()
    await store.close()


async def test_files_where_it_is_started_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orjson.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    store = open_edge(tmp_path / "data", "pages", min_free=0)
    await store.open(DIMENSION)
    await store.close()


async def test_optimizing_a_small_index_does_nothing(store: EdgeStore) -> None:
    await upsert(store, points(0, 100))
    assert not await store.optimize()


async def test_closing_twice_and_before_opening_is_no_error(tmp_path: Path) -> None:
    store = open_edge(tmp_path, "pages", min_free=0)
    await store.close()
    await store.open(DIMENSION)
    assert await store.ready()
    await store.close()
    await store.close()


async def test_a_cancelled_opening_leaves_no_process(tmp_path: Path) -> None:
    for steps in (1, 3, 30):
        store = open_edge(tmp_path, f"pages{steps}", min_free=0)
        opening = asyncio.ensure_future(store.open(DIMENSION))
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await store.close()
        await store.open(DIMENSION)
        assert await store.count() == 0
        await store.close()


@pytest.mark.nightly
async def test_a_large_index_is_optimized_and_still_complete(tmp_path: Path) -> None:
    store = open_edge(tmp_path, "pages")
    await store.open(256)  # below 10 MB of vectors the engine sees nothing to do
    for first in range(0, 21_000, 1000):
        await upsert(store, points(first, 1000, 256))
    wanted = points(5000, 1, 256)[0]
    assert await store.optimize()
    assert await store.count() == 21_000
    assert (await store.nearest(wanted.vector, 1, ALL))[0].id == wanted.id
    await store.close()
