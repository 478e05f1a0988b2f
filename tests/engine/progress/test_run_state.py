"""The run state describes exactly the records up to their position, also after a failed write."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.engine.progress.disk import MarkedFile
from pulse_cli.engine.progress.ledger import Resolution
from pulse_cli.engine.progress.run_state import DeadLimit, RunState
from pulse_cli.errors import Fatal
from pulse_cli.model import Outcome, Position
from tests.torture.failing_disk import FailingDisk, Fault

INDEXED = Resolution(Outcome.INDEXED, chunks=3, tokens=50)
LETTER = b'{"pulse_dead":1,"source":"x","line":2,"byte":9,"detail":"no","record":{}}\n'
DEAD = Resolution(Outcome.DEAD, "bad", letter=LETTER)


def run_state(folder: Path, disk: FailingDisk | None = None) -> RunState:
    how: dict[str, Any] = {} if disk is None else {"syscalls": disk}
    return RunState(
        MarkedFile(folder / "x.dead.jsonl", **how), MarkedFile(folder / "x.seen"), DeadLimit()
    )


def test_each_record_is_booked_with_its_position(tmp_path: Path) -> None:
    kept = run_state(tmp_path)
    for offset, resolution in enumerate((INDEXED, DEAD, INDEXED), start=1):
        kept.book(Position(offset=offset), resolution)
    found = kept.snapshot()
    assert found["position"]["offset"] == 3
    assert (found["counts"]["indexed"], found["counts"]["dead"]) == (2, {"bad": 1})
    assert (found["counts"]["chunks"], found["counts"]["tokens"]) == (6, 100)
    assert kept.dead_letters.path.read_bytes() == DEAD.letter
    assert found["examples"] == {"bad": {"source": "x", "line": 2, "byte": 9, "detail": "no"}}
    assert found["marks"] == {"dead": len(DEAD.letter or b""), "seen": 0}


@pytest.mark.parametrize("kth", range(1, 5))
def test_behind_a_letter_that_could_not_be_written_nothing_is_booked(
    tmp_path: Path, kth: int
) -> None:
    """Else the position would pass a record of which nothing is kept."""
    disk = FailingDisk(kth, Fault(errno.ENOSPC, lasting=False))
    kept = run_state(tmp_path, disk)
    kept.book(Position(offset=1), INDEXED)
    before = kept.snapshot()
    with pytest.raises(Fatal, match="No space left"):
        kept.book(Position(offset=2), DEAD)
    kept.book(Position(offset=3), INDEXED)
    kept.book(Position(offset=4), DEAD)
    assert kept.snapshot() == before
    assert disk.failed
