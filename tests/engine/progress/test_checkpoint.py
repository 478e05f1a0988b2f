"""The checkpoint survives torn files, flipped bits and every failing system call."""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.atomic_file import temporary_name
from pulse_cli.engine.progress.checkpoint import CheckpointFile
from pulse_cli.engine.progress.disk import MarkedFile
from pulse_cli.engine.progress.state_files import state_files
from pulse_cli.errors import Fatal, Kind, Unavailable

FIRST = {"run_id": "a", "complete": False, "counts": {"indexed": 1}}
SECOND = {"run_id": "a", "complete": False, "counts": {"indexed": 2}}


def without_format(state: dict[str, Any] | None) -> dict[str, Any]:
    assert state is not None
    return {key: value for key, value in state.items() if key != "format"}


def saved_twice(folder: Path) -> CheckpointFile:
    checkpoint = CheckpointFile(folder / "x.ckpt.json")
    checkpoint.save(FIRST)
    checkpoint.save(SECOND)
    return checkpoint


def test_the_last_one_saved_is_read(tmp_path: Path) -> None:
    checkpoint = CheckpointFile(tmp_path / "x.ckpt.json")
    assert checkpoint.load() is None
    checkpoint.save(FIRST)
    checkpoint.save(SECOND)
    assert without_format(checkpoint.load()) == SECOND
    assert checkpoint.path.stat().st_mode & 0o777 == 0o600


def test_torn_at_every_byte_falls_back_to_the_one_before(tmp_path: Path) -> None:
    checkpoint = saved_twice(tmp_path)
    whole = checkpoint.path.read_bytes()
    for length in range(len(whole)):
        checkpoint.path.write_bytes(whole[:length])
        assert without_format(checkpoint.load()) == FIRST


def test_a_thousand_flipped_bits_are_all_noticed(tmp_path: Path) -> None:
    checkpoint = saved_twice(tmp_path)
    whole = checkpoint.path.read_bytes()
    rng = random.Random(7)
    for _ in range(1000):
        bit = rng.randrange(len(whole) * 8)
        torn = bytearray(whole)
        torn[bit // 8] ^= 1 << bit % 8
        checkpoint.path.write_bytes(torn)
        assert without_format(checkpoint.load()) == FIRST


def test_both_damaged_is_refused_never_taken_for_nothing(tmp_path: Path) -> None:
    checkpoint = saved_twice(tmp_path)
    checkpoint.path.write_bytes(b"")
    Path(f"{checkpoint.path}.prev").write_bytes(b"{}")
    with pytest.raises(Fatal, match="damaged") as caught:
        checkpoint.load()
    assert caught.value.kind is Kind.CHECKPOINT
    assert "--restart" in caught.value.hint


class FailingCalls:
    """System calls of which the k-th fails, once or for ever."""

    def __init__(self, kth: int, code: int, *, persistent: bool, short: bool = False) -> None:
        self._kth = kth
        self._code = code
        self._persistent = persistent
        self._short = short
        self._calls = itertools.count(1)
        self.failed = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)

        def call(*args: Any) -> Any:
            number = next(self._calls)
            if number == self._kth or (self._persistent and number > self._kth):
                self.failed = True
                if self._short and name == "write":
                    return real(args[0], args[1][: max(1, len(args[1]) // 2)])
                if not self._short:
                    if name == "close":
                        real(*args)
                    raise OSError(self._code, os.strerror(self._code))
            return real(*args)

        return call


def failure_of(checkpoint: CheckpointFile) -> Fatal | None:
    try:
        checkpoint.save(SECOND)
    except Fatal as error:
        return error
    return None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES])
@pytest.mark.parametrize("persistent", [False, True])
def test_whichever_call_fails_a_whole_checkpoint_remains(
    tmp_path: Path, code: int, persistent: bool
) -> None:
    for kth in itertools.count(1):
        folder = tmp_path / str(kth)
        folder.mkdir()
        CheckpointFile(folder / "x.ckpt.json").save(FIRST)
        calls = FailingCalls(kth, code, persistent=persistent)
        failing = CheckpointFile(folder / "x.ckpt.json", syscalls=calls)
        error = failure_of(failing)
        if error is not None:
            full = code in (errno.ENOSPC, errno.EDQUOT)
            assert isinstance(error, Unavailable) is full
            assert error.hint
        left = without_format(CheckpointFile(folder / "x.ckpt.json").load())
        assert left in (FIRST, SECOND)
        CheckpointFile(folder / "x.ckpt.json").save(SECOND)  # what was left is in nobody's way
        assert without_format(CheckpointFile(folder / "x.ckpt.json").load()) == SECOND
        if not calls.failed:
            assert kth > 5, "the faults never happened"
            break


def test_what_the_disk_does_not_let_be_read_is_no_damage(tmp_path: Path) -> None:
    """It must not pass for a damaged file, and still less for none."""
    checkpoint = CheckpointFile(tmp_path / "x.ckpt.json")
    checkpoint.save(FIRST)
    checkpoint.save(SECOND)
    checkpoint.path.unlink()
    checkpoint.path.mkdir()
    with pytest.raises(Fatal, match=r"cannot read .*x\.ckpt\.json: Is a directory"):
        checkpoint.load()


def test_files_of_other_runs_go_but_not_those_of_other_sources(tmp_path: Path) -> None:
    """A run that retries the dead letters of another has its name in its own names."""
    files = state_files(tmp_path, ["/in/crawl.jsonl"], "target")
    mine, other = "20260101T000000-abcdef", "20251231T235959-012345"
    retry = state_files(tmp_path, [str(files.dead_letters(mine))], "target")
    kept = [
        files.manifest(mine),
        files.seen(mine),
        files.dead_letters(other),
        retry.manifest(other),
    ]
    kept.append(tmp_path / temporary_name(retry.manifest(other).name))
    gone = [files.manifest(other), files.seen(other)]
    gone += [tmp_path / temporary_name(name) for name in (files.checkpoint.name, gone[0].name)]
    for path in (*kept, *gone):
        path.touch()
    files.remove_unneeded(mine)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_short_writes_are_continued(tmp_path: Path) -> None:
    for kth in range(1, 12):
        calls = FailingCalls(kth, 0, persistent=True, short=True)
        checkpoint = CheckpointFile(tmp_path / f"{kth}.ckpt.json", syscalls=calls)
        checkpoint.save(SECOND)
        assert without_format(checkpoint.load()) == SECOND


def test_another_format_is_refused_by_name(tmp_path: Path) -> None:
    checkpoint = CheckpointFile(tmp_path / "x.ckpt.json")
    checkpoint.save({"format": 99})
    with pytest.raises(Fatal, match="format 99"):
        checkpoint.load()


def test_a_marked_file_is_cut_back_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.dead.jsonl"
    first = MarkedFile(path)
    first.append(b"one\n")
    mark = first.mark
    first.append(b"two, which the checkpoint never knew\n")
    first.close()
    second = MarkedFile(path, mark)
    second.append(b"two\n")
    second.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_marked_file_shorter_than_its_mark_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dead.jsonl"
    path.write_bytes(b"one\n")
    with pytest.raises(Fatal, match="4 bytes, but 5 were written") as caught:
        MarkedFile(path, 5)
    assert caught.value.kind is Kind.CHECKPOINT


def test_no_dead_letters_no_file(tmp_path: Path) -> None:
    file = MarkedFile(tmp_path / "x.dead.jsonl")
    file.sync()
    file.close()
    assert not file.path.exists()


def test_an_append_that_failed_half_way_leaves_no_trace(tmp_path: Path) -> None:
    """Whichever call of it fails, and whether or not half of it was written before."""
    for kth in itertools.count(1):
        path = tmp_path / f"{kth}.dead.jsonl"
        MarkedFile(path).append(b"before\n")
        calls = FailingCalls(kth, errno.ENOSPC, persistent=False)
        file = MarkedFile(path, len(b"before\n"), syscalls=calls)
        if not failed(lambda: file.append(b"a line that may fail\n")):  # noqa: B023
            assert kth > 2, "the faults never happened"
            break
        file.append(b"after\n")
        assert path.read_bytes() == b"before\nafter\n"
        assert file.mark == path.stat().st_size


def failed(call: Callable[[], None]) -> bool:
    try:
        call()
    except Fatal:
        return True
    return False


class PowerCut:
    """`Syscalls` that know what a power cut would take: what was written and not synced."""

    def __init__(self) -> None:
        self.unsynced: set[str] = set()
        self.renamed_unsynced: list[str] = []
        self._paths: dict[int, str] = {}

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        fd = os.open(path, flags, mode)
        self._paths[fd] = path
        return fd

    def write(self, fd: int, data: memoryview) -> int:
        self.unsynced.add(self._paths[fd])
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        self.unsynced.discard(self._paths[fd])

    def replace(self, source: str, target: str) -> None:
        if source in self.unsynced:
            self.renamed_unsynced.append(source)
        self.unsynced.add(str(Path(target).parent))
        Path(source).replace(target)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def test_a_power_cut_finds_every_save_whole_and_in_its_place(tmp_path: Path) -> None:
    disk = PowerCut()
    checkpoint = CheckpointFile(tmp_path / "x.ckpt.json", syscalls=disk)
    for state in (FIRST, SECOND):
        checkpoint.save(state)
        assert disk.renamed_unsynced == [], "the new name may be there without what it names"
        assert disk.unsynced == set(), "the save was told to be done, and could be taken back"
    letters = MarkedFile(tmp_path / "x.dead.jsonl", syscalls=disk)
    letters.append(b"a letter\n")
    letters.sync()
    assert disk.unsynced == set()
