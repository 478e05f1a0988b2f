"""When a run may go on, and when it must refuse: by the command line.

Two runs never meet; an unfinished run goes on only with the sources and settings it began
with, and says what changed; a full disk costs nothing. Never does one begin again from zero.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.simulators.faults import Fault
from tests.torture.bench import Bench, Machine
from tests.torture.commands import CLEAN, ROOT, Ended
from tests.torture.corpus import page
from tests.torture.disks import mounted

PAGES = 120
REFUSED, LOCKED, UNAVAILABLE = 4, 11, 75


def lines(seed: int, count: int = PAGES) -> list[bytes]:
    rng = random.Random(seed)
    return [page(rng, f"https://site.example/{seed}/{n}").line() for n in range(count)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"\n".join(lines(1)) + b"\n")
    return path


@pytest.fixture
def half(bench: Bench, source: Path) -> Machine:
    """A run that stopped half way."""
    machine = bench.machine("qdrant", source)
    ended = machine.run("--limit", "60")
    assert ended.code == 0, ended.stderr
    state = checkpoint(machine)
    assert not state["complete"]
    assert state["counts"]["indexed"] == 60
    return machine


def checkpoint(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.checkpoint.read_bytes().splitlines()[0])
    return found


def edit_before(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[300] = ord("Z")  # in the text of the first page
    path.write_bytes(data)


def edit_behind(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-400] + b"\n")


def replace_alike(path: Path) -> None:
    """Another file of the same size and times."""
    was = path.stat()
    other = b"\n".join(lines(2))
    data = other[: was.st_size].ljust(was.st_size, b" ")
    new = path.with_name("new")
    new.write_bytes(data)
    new.replace(path)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "edited": edit_before,
    "shorter": edit_behind,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:2000]),
    "emptied": lambda path: path.write_bytes(b""),
    "replaced": replace_alike,
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(name, marks=pytest.mark.nightly) if name in ("shorter", "emptied") else name
        for name in CHANGES
    ],
)
def test_a_changed_source_is_refused_by_name_and_nothing_is_lost(
    half: Machine, change: str
) -> None:
    before = half.points()
    CHANGES[change](half.source)
    ended = half.run("--on-changed-source", "refuse")
    assert ended.code == REFUSED
    error = ended.report["error"]
    assert error["kind"] == "source-changed"
    assert half.source.name in error["message"]
    assert "--restart" in error["hint"]
    assert half.points() == before
    assert half.run("--restart").code in (0, 3)


def test_cron_may_say_that_a_changed_source_begins_anew(half: Machine) -> None:
    edit_before(half.source)
    assert half.run("--on-changed-source", "restart").code == 0
    state = half.finished()
    assert state is not None
    assert state["counts"]["indexed"] + state["counts"]["unchanged"] == PAGES


def test_without_a_terminal_a_changed_source_begins_anew_and_says_so(half: Machine) -> None:
    edit_before(half.source)
    log = half.source.with_name("run.log")
    ended = half.run("--log-file", str(log))
    assert ended.code == 0, ended.stderr
    assert "the sources have changed since this run was interrupted" in log.read_text()
    assert "begins anew" in log.read_text()


def test_without_a_terminal_a_source_that_is_still_written_is_refused(half: Machine) -> None:
    edit_before(half.source)
    half.source.write_bytes(half.source.read_bytes()[:-400])
    assert half.run().code == REFUSED
    with half.source.open("ab") as file:
        file.write(b'"}}')
    assert half.run().code in (0, 3)


def test_a_source_that_grew_is_read_on(half: Machine) -> None:
    with half.source.open("ab") as file:
        file.write(b"\n".join(lines(3, 10)))
    assert half.run().code == 0
    assert checkpoint(half)["counts"]["indexed"] == PAGES + 10


def test_a_renamed_source_is_another_one(half: Machine) -> None:
    """The old name is refused as missing; the new one begins, and recognises what is there."""
    moved = half.source.rename(half.source.with_name("other.jsonl"))
    assert half.run().code == 2
    other = half.bench.machine("qdrant", moved)
    ended = other.run()
    assert ended.code == 0
    half.source = moved
    ended = half.run()
    assert ended.code == 0
    assert ended.report["documents"] == {
        "indexed": 60,
        "unchanged": 60,
        "superseded": 0,
        "skipped": 0,
        "dead": 0,
    }


FINGERPRINT = {
    "max_tokens": {"PULSE_CHUNK__MAX_TOKENS": "48"},
    "overlap_tokens": {"PULSE_CHUNK__OVERLAP_TOKENS": "4"},
    "document_prefix": {"PULSE_EMBED__DOCUMENT_PREFIX": "passage: "},
    "bm25_k": {"PULSE_BM25__K": "1.5"},
    "bm25_b": {"PULSE_BM25__B": "0.5"},
    "bm25_avg_len": {"PULSE_BM25__AVG_LEN": "99"},
    "bm25_language": {"PULSE_BM25__LANGUAGE": "german"},
    "source.min_chars": {"PULSE_SOURCE__MIN_CHARS": "7"},
    "source.include": {"PULSE_SOURCE__INCLUDE": '["*"]'},
    "source.exclude": {"PULSE_SOURCE__EXCLUDE": '["*zzz*"]'},
    "source.include_errors": {"PULSE_SOURCE__INCLUDE_ERRORS": "true"},
    "source.map": {"PULSE_SOURCE__MAP": '{"title": "headline"}'},
    "source.base_url": {"PULSE_SOURCE__BASE_URL": "https://site.example/"},
    "source.max_record": {"PULSE_SOURCE__MAX_RECORD": "1MB"},
}
SPEED = {
    "concurrency": {"PULSE_RUN__CONCURRENCY": "1"},
    "batch": {"PULSE_EMBED__BATCH": "8"},
    "timeouts": {"PULSE_EMBED__TIMEOUT": "33", "PULSE_QDRANT__TIMEOUT": "44"},
    "patience": {"PULSE_RUN__GIVE_UP_AFTER": "90"},
    "dead letters": {"PULSE_RUN__MAX_DEAD": "9"},
    "query prefix": {"PULSE_EMBED__QUERY_PREFIX": "query: "},
    "key": {"PULSE_EMBED__API_KEY": "anything"},
}


@pytest.mark.parametrize(
    "names",
    [
        ["max_tokens", "document_prefix", "bm25_language", "source.include"],
        pytest.param(list(FINGERPRINT), marks=pytest.mark.nightly),
    ],
    ids=["some", "all"],
)
def test_each_setting_of_what_is_written_refuses_and_names_itself(
    half: Machine, names: list[str]
) -> None:
    for name in names:
        ended = half.run(environment=FINGERPRINT[name])
        assert ended.code == REFUSED, name
        assert name in ended.report["error"]["message"], ended.stderr
        assert "--restart" in ended.report["error"]["hint"]
    assert half.run().code == 0  # and with the old settings it goes on
    assert checkpoint(half)["counts"]["indexed"] == PAGES


@pytest.mark.parametrize(
    "names",
    [list(SPEED), *(pytest.param([name], marks=pytest.mark.nightly) for name in SPEED)],
    ids=["all", *SPEED],
)
def test_settings_of_how_fast_may_change(half: Machine, names: list[str]) -> None:
    environment = {key: value for name in names for key, value in SPEED[name].items()}
    ended = half.run(environment=environment)
    assert ended.code == 0, ended.stdout
    assert checkpoint(half)["counts"]["indexed"] == PAGES


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def test_a_damaged_checkpoint_falls_back_and_two_are_refused(half: Machine) -> None:
    damage(half.checkpoint)
    ended = half.run("--limit", "5")
    assert ended.code == 0, ended.stderr
    damage(half.checkpoint)
    damage(Path(f"{half.checkpoint}.prev"))
    ended = half.run()
    assert ended.code == REFUSED
    assert "damaged" in ended.report["error"]["message"]
    assert half.run("--restart").code in (0, 3)


@pytest.mark.parametrize("starts", [4, pytest.param(20, marks=pytest.mark.nightly)])
def test_of_many_starts_at_once_one_runs_and_the_others_say_so(
    bench: Bench, source: Path, starts: int
) -> None:
    """All are real processes; the embedder holds the winner until the others have ended."""
    machine = bench.machine("qdrant", source)
    bench.tei.set_faults([Fault("slow", path="/embed", seconds=0.4 * starts, first=1, count=1)])
    command = [sys.executable, "-m", "pulse_cli", *machine.args()]
    environment = {**CLEAN, "PULSE_CHUNK__MAX_TOKENS": "32"}
    started = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(starts)
    ]
    reports = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    bench.calm()
    codes = sorted(process.returncode for process in started)
    assert codes == [0] + [LOCKED] * (starts - 1)
    for report in reports:
        if report["exit_code"] == LOCKED:
            assert report["error"]["kind"] == "locked"
            assert report["seconds"] < 1.0
    assert len(list(machine.state.glob("*.manifest.json"))) == 0
    assert checkpoint(machine)["counts"]["indexed"] == PAGES


def piped(machine: Machine, data: bytes, *more: str) -> Ended:
    args = list(machine.args())
    args[1] = "-"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pulse_cli", *args, *more],
        input=data,
        capture_output=True,
        cwd=ROOT,
        env={**CLEAN, "PULSE_CHUNK__MAX_TOKENS": "32"},
        check=False,
    )
    said = (done.stdout.decode(), done.stderr.decode())
    return Ended(done.returncode, *said, time.monotonic() - began)


def test_a_pipe_goes_on_with_the_same_stream_only(bench: Bench, source: Path) -> None:
    machine = bench.machine("qdrant", source)
    data = source.read_bytes()
    assert piped(machine, data, "--limit", "60").code == 0
    refuse = ("--on-changed-source", "refuse")
    ended = piped(machine, data[:300] + b"Z" + data[301:], *refuse)
    assert ended.code == REFUSED
    assert ended.report["error"]["kind"] == "source-changed"
    assert piped(machine, data[:1000], *refuse).code == REFUSED
    assert piped(machine, data).code == 0
    assert checkpoint(machine)["counts"]["indexed"] == PAGES


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """256 KiB, and nothing more."""
    with mounted(tmp_path / "small", "256k") as disk:
        yield disk


@pytest.mark.parametrize(
    "room", [3_000, *(pytest.param(n, marks=pytest.mark.nightly) for n in (0, 500, 9_000, 20_000))]
)
def test_a_full_disk_stops_the_run_and_loses_nothing(
    bench: Bench, tmp_path: Path, small_disk: Path, room: int
) -> None:
    """Dead letters fill what is left; with more room the same command goes on."""
    source = tmp_path / "bad.jsonl"
    bad = b'{"markdown": "' + b"no address " * 40 + b'", "metadata": {}}'
    mixed = [line for pair in zip(lines(5, 60), [bad] * 60, strict=True) for line in pair]
    source.write_bytes(b"\n".join(mixed))
    machine = bench.machine("qdrant", source)
    machine.state = small_disk / "state"
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * ((256 << 10) - room - 8192))
    ended = machine.run()
    assert ended.code == UNAVAILABLE, ended.stderr
    assert ended.report["error"]["kind"] == "disk-full"
    assert "room" in ended.report["error"]["hint"]
    ballast.unlink()
    assert machine.run().code == 3
    left = machine.left()
    assert left.counts["dead"] == {"no-url": 60}
    assert left.counts["indexed"] == 60
    assert [letter["line"] for letter in left.dead_letters] == list(range(2, 121, 2))
