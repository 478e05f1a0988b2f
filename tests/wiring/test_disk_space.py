"""What is said before a run about the room that its index will take."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_cli.config import load
from pulse_cli.model import Input
from pulse_cli.store.disk_space import MIN_FREE_BYTES, is_short, taken_bytes
from pulse_cli.wiring.disk_space import disk_space_warning

GIB = 1 << 30


@pytest.mark.parametrize(
    ("free", "taken", "reading", "short"),
    [
        (10 * GIB, 0, GIB, False),
        (2 * GIB + MIN_FREE_BYTES, 0, GIB, False),
        (2 * GIB + MIN_FREE_BYTES - 1, 0, GIB, True),
        (GIB, 8 * GIB, GIB, False),  # the same pages again: the index is there
        (MIN_FREE_BYTES - 1, 0, 0, True),
    ],
)
def test_what_counts_as_too_little(free: int, taken: int, reading: int, short: bool) -> None:
    assert is_short(free, taken, reading) is short


def test_what_a_folder_takes_is_its_blocks_and_not_its_holes(tmp_path: Path) -> None:
    assert taken_bytes(tmp_path / "missing") == 0
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "full").write_bytes(b"x" * 100_000)
    with (tmp_path / "a" / "hollow").open("wb") as file:
        file.truncate(1 << 30)
    assert 100_000 <= taken_bytes(tmp_path) < 1 << 29


def test_only_an_index_on_this_machine_can_be_short_of_room(tmp_path: Path) -> None:
    vast = [Input("pipe"), Input("crawl.jsonl", size=1 << 60)]
    here = load({"qdrant.url": ("--qdrant", str(tmp_path))}, environ={}, folder=tmp_path)
    told = disk_space_warning(here.settings, vast)
    assert told is not None
    assert f"{1 << 40:,} MiB of pages" in told
    assert disk_space_warning(here.settings, [Input("pipe"), Input("one.jsonl", size=1000)]) is None
    server = load({"qdrant.url": ("--qdrant", "http://localhost:1")}, environ={}, folder=tmp_path)
    assert disk_space_warning(server.settings, vast) is None
