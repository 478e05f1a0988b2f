"""Files are replaced whole or not at all, and nothing else that a path may be is destroyed.

Nodes and pipes are made in the folder of the test; nothing under /dev is touched.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pulse_cli.atomic_file import AtomicFile, check_output, temporary_name, write_atomically
from pulse_cli.errors import Fatal, Kind

OLD, NEW = b"what was there\n", b"what is new\n"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def made_node(path: Path) -> Path:
    """A device like /dev/zero, which swallows what is written to it."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("making a device node needs root")
    return path


@pytest.mark.parametrize("durable", [True, False])
def test_a_new_file_and_its_mode(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "x"
    write_atomically(path, NEW, mode=0o644, durable=durable)
    assert path.read_bytes() == NEW
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(tmp_path) == ["x"]


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(OLD)
    path.chmod(0o640)
    write_atomically(path, NEW)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (NEW, 0o640)


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(OLD)
    with pytest.raises(ValueError, match="no more"), AtomicFile(path) as file:  # noqa: PT012
        file.write(NEW)
        raise ValueError("no more")
    assert (path.read_bytes(), names(tmp_path)) == (OLD, ["x"])


def test_what_a_crash_left_is_in_nobodys_way(tmp_path: Path) -> None:
    left = tmp_path / temporary_name("x")
    left.write_bytes(b"a longer half-written file, left by a crash")
    write_atomically(tmp_path / "x", NEW)
    assert ((tmp_path / "x").read_bytes(), names(tmp_path)) == (NEW, ["x"])


def test_a_symbolic_link_is_followed_also_to_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for target in ("folder/target", "folder/new"):
        link = tmp_path / f"link-{Path(target).name}"
        second = tmp_path / f"second-{Path(target).name}"
        link.symlink_to(target)
        second.symlink_to(link.name)
        write_atomically(second, NEW)
        assert link.is_symlink()
        assert second.is_symlink()
        assert (tmp_path / target).read_bytes() == NEW


def test_a_link_to_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("x")
    with pytest.raises(OSError, match=r"symbolic links") as caught:
        write_atomically(tmp_path / "x", NEW)
    assert caught.value.errno == errno.ELOOP


def test_a_name_of_255_bytes(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.prom")
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    node = made_node(tmp_path / "zero")
    write_atomically(node, NEW)
    assert stat.S_ISCHR(node.stat().st_mode)
    link = tmp_path / "link"
    link.symlink_to("zero")
    write_atomically(link, NEW)
    assert (stat.S_ISCHR(node.stat().st_mode), names(tmp_path)) == (True, ["link", "zero"])


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reading, True)
    data = NEW * 100_000  # more than a pipe holds
    got: list[bytes] = []

    def read_all() -> None:
        with os.fdopen(reading, "rb") as file:
            got.append(file.read())

    reader = threading.Thread(target=read_all)
    with AtomicFile(path, patience=30) as file:
        reader.start()
        file.write(data)
    reader.join()
    assert got == [data]
    assert path.is_fifo()


def test_a_pipe_without_a_reader_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        write_atomically(tmp_path / "pipe", NEW)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_to_as_it_is(tmp_path: Path, name: str) -> None:
    """Neither the pipe nor the file that it leads to is replaced by another."""
    code = (
        "import sys, pathlib; from pulse_cli.atomic_file import write_atomically;"
        "write_atomically(pathlib.Path(sys.argv[1]), b'new\\n')"
    )
    command = [sys.executable, "-c", code, name]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"new\n"
    out = tmp_path / "out"
    with out.open("wb") as file:
        file.write(OLD)
        file.flush()
        subprocess.run(command, stdout=file, check=True)
        assert out.read_bytes() == OLD + b"new\n"
        assert os.path.samestat(os.fstat(file.fileno()), out.stat())


def test_a_folder_and_a_protected_file_are_errors(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "folder", NEW)
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "x", NEW)
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(NotADirectoryError):
        write_atomically(tmp_path / "file" / "x", NEW)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(OLD)
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_atomically(path, NEW)
    assert path.read_bytes() == OLD


# --- what the user named ----------------------------------------------------


def is_own(head: bytes) -> bool:
    return head.startswith(b"# pulse")


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(Fatal) as caught:
        check_output(path, is_own=is_own, **options)  # type: ignore[arg-type]
    assert caught.value.kind is Kind.USAGE
    assert caught.value.hint
    return str(caught.value)


def test_what_may_be_written_over(tmp_path: Path) -> None:
    own, empty, node = tmp_path / "own", tmp_path / "empty", made_node(tmp_path / "zero")
    own.write_bytes(b"# pulse\n")
    empty.touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("new")
    for path in (own, empty, node, *(tmp_path / name for name in ("pipe", "dangling", "new"))):
        check_output(path, is_own=is_own, sources=["-", "firecrawl:crawl/1", str(tmp_path / "no")])


def test_what_is_refused(tmp_path: Path) -> None:
    users = tmp_path / "thesis.txt"
    users.write_bytes(b"four years of work")
    link = tmp_path / "link"
    link.symlink_to(users)
    assert "did not write" in refusal(users)
    assert "did not write" in refusal(link)
    assert "folder" in refusal(tmp_path)
    assert "Not a directory" in refusal(users / "x")
    assert users.read_bytes() == b"four years of work"


def test_a_source_is_refused_under_each_of_its_names(tmp_path: Path) -> None:
    source, hard, link = tmp_path / "source", tmp_path / "hard", tmp_path / "link"
    source.touch()
    os.link(source, hard)
    link.symlink_to(source)
    for path in (source, hard, link, tmp_path / "." / "source"):
        assert "source of this run" in refusal(path, sources=["-", str(source)])


def test_a_path_in_the_state_folder_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / "link").symlink_to(state / "x")
    (tmp_path / "other").symlink_to(state)
    for path in (state / "new", tmp_path / "link", tmp_path / "other" / "a"):
        assert "state folder" in refusal(path, state_folder=state)
    check_output(tmp_path / "states", is_own=is_own, state_folder=state)
