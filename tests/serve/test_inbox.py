"""The inbox: what was accepted is on disk, in order, whole; what was not is not."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulse_cli.errors import Locked
from pulse_cli.serve.inbox import RESULTS, BacklogFull, Inbox, InboxUnwritable
from pulse_cli.serve.segment import OpenSegment
from tests.torture.disks import mounted

ROOMY = 1 << 30


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with Inbox(tmp_path / "inbox", max_backlog=ROOMY) as found:
        yield found


def stored(folder: Path) -> list[str]:
    files = [*sorted(folder.glob("*.jsonl")), *sorted(folder.glob("*.open"))]
    return [line for path in files for line in path.read_text().splitlines()]


async def test_what_append_returned_for_is_in_a_file(inbox: Inbox) -> None:
    ids = await inbox.append([b'{"n":1}', b'{"n":2}'])
    more = await inbox.append([b'{"n":3}'])
    assert stored(inbox.folder) == ['{"n":1}', '{"n":2}', '{"n":3}']
    segment = ids[0].partition(".")[0]
    assert [*ids, *more] == [f"{segment}.0", f"{segment}.1", f"{segment}.2"]
    assert inbox.holds(segment)


async def test_appends_at_once_share_files_and_keep_their_order(inbox: Inbox) -> None:
    found = await asyncio.gather(*(inbox.append([b"%d" % n]) for n in range(500)))
    assert stored(inbox.folder) == [str(n) for n in range(500)]
    assert len({ids[0] for ids in found}) == 500


async def test_segments_are_sealed_and_wait_in_order(inbox: Inbox) -> None:
    big = b"x" * (3 << 20)
    await inbox.append([big])
    await inbox.append([big])
    await inbox.append([b"last"])
    await inbox.wait()
    first = inbox.sealed[0]
    assert first.size == 2 * (len(big) + 1)
    assert inbox.backlog_bytes == first.size + 5
    await inbox.remove([first])
    assert not first.path.exists()
    await inbox.wait()
    assert inbox.sealed[0].id > first.id
    assert inbox.sealed[0].path.read_bytes() == b"last\n"


async def test_a_caller_that_goes_away_takes_nothing_back(inbox: Inbox) -> None:
    task = asyncio.create_task(inbox.append([b"kept"]))
    await asyncio.sleep(0)
    task.cancel()
    await inbox.append([b"next"])
    assert stored(inbox.folder) == ["kept", "next"]


async def test_too_large_a_backlog_is_refused_until_it_shrinks(tmp_path: Path) -> None:
    async with Inbox(tmp_path, max_backlog=10) as inbox:
        await inbox.append([b"12345678"])
        with pytest.raises(BacklogFull):
            await inbox.append([b"9"])
        await inbox.wait()
        await inbox.remove(inbox.sealed)
        await inbox.append([b"9"])
        assert stored(tmp_path) == ["9"]


async def test_only_one_process_has_it(inbox: Inbox) -> None:
    with pytest.raises(Locked):
        async with Inbox(inbox.folder, max_backlog=ROOMY):
            pass


@pytest.mark.parametrize("torn", [b"", b"{", b'{"n":2}'])
async def test_a_crash_leaves_whole_lines_only(tmp_path: Path, torn: bytes) -> None:
    """Lines without their newline were never answered."""
    (tmp_path / "0000000000001.open").write_bytes(b'{"n":1}\n' + torn)
    (tmp_path / "0000000000002.open").write_bytes(torn)
    async with Inbox(tmp_path, max_backlog=ROOMY) as inbox:
        assert [segment.id for segment in inbox.sealed] == ["0000000000001"]
        assert stored(tmp_path) == ['{"n":1}']
        (ids,) = await inbox.append([b"new"])
        assert ids > "0000000000001"


async def test_a_clock_set_back_does_not_change_the_order(tmp_path: Path) -> None:
    far = "9000000000000"
    (tmp_path / f"{far}.jsonl").write_bytes(b"old\n")
    async with Inbox(tmp_path, max_backlog=ROOMY) as inbox:
        (ids,) = await inbox.append([b"new"])
        assert ids.partition(".")[0] == str(int(far) + 1)


async def test_an_id_whose_results_can_be_asked_for_is_not_given_again(tmp_path: Path) -> None:
    results = tmp_path / RESULTS
    results.mkdir()
    (results / "9000000000000.jsonl").touch()
    async with Inbox(tmp_path, max_backlog=ROOMY) as inbox:
        (ids,) = await inbox.append([b"new"])
        assert ids == "9000000000001.0"


async def test_a_seal_that_failed_half_way_is_done_again(tmp_path: Path) -> None:
    segment = await OpenSegment.create(tmp_path, "1")
    await segment.append(b"kept\n")
    tmp_path.rename(away := tmp_path.with_name("away"))
    with pytest.raises(OSError, match="No such file"):
        await segment.seal()
    assert not segment.is_due(), "it is tried again later, not at once"
    away.rename(tmp_path)
    assert (await segment.seal()).path.read_bytes() == b"kept\n"


async def test_a_full_disk_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "256k") as disk:
        async with Inbox(disk / "inbox", max_backlog=ROOMY) as inbox:
            await inbox.append([b"first"])
            with pytest.raises(InboxUnwritable) as refused:
                await inbox.append([b"x" * (512 << 10)])
            assert refused.value.full
            await inbox.append([b"second"])
            assert stored(inbox.folder) == ["first", "second"]


APPENDS = """
import asyncio, sys
from pathlib import Path
from pulse_cli.errors import Locked
from pulse_cli.serve.inbox import Inbox

async def main():
    async with Inbox(Path(sys.argv[1]), max_backlog=1 << 30) as inbox:
        async def send(first):
            for number in range(first, 10**9, 20):
                await inbox.append([b'{"n":%d}' % number])
                print(number, flush=True)
        await asyncio.gather(*(send(first) for first in range(20)))

asyncio.run(main())
"""


@pytest.mark.parametrize("answers", [1, 50, 400])
def test_nothing_answered_is_lost_by_kill_9(tmp_path: Path, answers: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(answers)]
    process.kill()
    told += [int(line) for line in process.stdout.read().splitlines() if line]
    process.wait()
    asyncio.run(take_up(tmp_path))
    kept = [json.loads(line)["n"] for line in stored(tmp_path)]
    assert set(told) <= set(kept)
    assert len(kept) == len(set(kept))


async def take_up(folder: Path) -> None:
    async with Inbox(folder, max_backlog=ROOMY):
        pass
