"""Terms weighed in a process of their own: the same weights, whatever becomes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse_cli.ipc import environment, pack_message
from pulse_cli.prepare import PrepareOptions
from pulse_cli.prepare.terms import TermWeights
from pulse_cli.prepare.terms_process import DEADLINE, TermProcess
from tests.prepare.pages import MARKDOWN

GERMAN = PrepareOptions(bm25_language="german", bm25_k=0.9, bm25_b=0.3, bm25_avg_len=40.0)
TEXTS = ["die Häuser am Fluss", "", "圧力が下がる", "ein Haus, zwei Häuser " * 200]


@pytest.fixture
def process() -> Iterator[TermProcess]:
    made = TermProcess(GERMAN, start_after=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[TermProcess]:
    made = TermProcess(GERMAN, start_after=0)
    yield made
    made.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(MARKDOWN, max_size=5))
def test_any_weights_are_those_computed_here(shared: TermProcess, texts: list[str]) -> None:
    assert shared.of_chunks(texts) == TermWeights(GERMAN).of_chunks(texts)
    assert shared.pid is not None, "they were computed here"


def test_a_request_and_an_answer_may_be_larger_than_a_pipe(process: TermProcess) -> None:
    texts = [" ".join(f"wort{n}mal{m}" for m in range(20_000)) for n in range(10)]
    assert process.of_chunks(texts) == TermWeights(GERMAN).of_chunks(texts)
    assert process.pid is not None


def test_few_chunks_start_no_process() -> None:
    process = TermProcess(GERMAN, start_after=2 * len(TEXTS))
    seen = []
    for _ in range(3):
        process.of_chunks(TEXTS)
        seen.append(process.pid)
    process.close()
    assert seen[:2] == [None, None]
    assert seen[2] is not None


class Clock:
    """Its time goes on by `step` each time it is read."""

    step = 0.0
    now = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("harm", [stop, kill])
def test_a_process_that_ends_or_hangs_costs_nothing_but_speed(harm: Callable[[int], None]) -> None:
    clock = Clock()
    process = TermProcess(GERMAN, start_after=0, monotonic=clock)
    expected = process.of_chunks(TEXTS)
    gone = process.pid
    assert gone is not None
    harm(gone)
    clock.step = DEADLINE
    more_than_a_pipe_holds = [" ".join(f"wort{n}" for n in range(300_000))]
    assert process.of_chunks(more_than_a_pipe_holds) == TermWeights(GERMAN).of_chunks(
        more_than_a_pipe_holds
    )
    assert process.pid is None, "it is not asked again"
    assert not is_running(gone)
    assert process.of_chunks(TEXTS) == expected
    process.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 5,
        pack_message([1], b"\x00" * 8),
        pack_message([1] * len(TEXTS), b"\x00" * 8),
        b"\x04\x00\x00\x00" + b"\x00" * 8 + b"oops",
    ],
)
def test_an_answer_to_something_else_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    said = f"import sys; sys.stdout.buffer.write({answer!r}); sys.stdout.flush(); sys.stdin.read(1)"
    really = subprocess.Popen

    def another(_: list[str], **how: object) -> object:
        return really([sys.executable, "-c", said], **how)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", another)
    process = TermProcess(GERMAN, start_after=0)
    assert process.of_chunks(TEXTS) == TermWeights(GERMAN).of_chunks(TEXTS)
    assert process.pid is None


def test_a_process_that_cannot_be_started_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    process = TermProcess(GERMAN, start_after=0)
    assert process.of_chunks(TEXTS) == TermWeights(GERMAN).of_chunks(TEXTS)


def test_threads_take_turns(process: TermProcess) -> None:
    texts = [[f"{word} {n}" for n in range(50)] for word in ("Haus", "Fluss", "Berg", "Tal")]
    found: dict[int, object] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: process.of_chunks(texts[n])}))
        for n in range(len(texts))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    here = TermWeights(GERMAN)
    assert found == {n: here.of_chunks(one) for n, one in enumerate(texts)}
    assert process.pid is not None


def test_closed_it_ends_and_weights_are_computed_here(process: TermProcess) -> None:
    expected = process.of_chunks(TEXTS)
    pid = process.pid
    assert pid is not None
    process.close()
    assert not is_running(pid)
    assert process.of_chunks(TEXTS) == expected
    assert process.pid is None


def test_signals_for_pulse_do_not_end_it_and_the_end_of_its_input_does() -> None:
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "pulse_cli.prepare.terms_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(pack_message({}) + pack_message(["a word"]))
    child.stdin.flush()
    answer = child.stdout.read(12)
    assert len(answer) == 12
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        child.send_signal(number)
    child.stdin.write(pack_message(["another word"]))
    child.stdin.close()
    rest = child.stdout.read()
    assert len(rest) > len(answer)
    child.stdout.close()
    assert child.wait(30) == 0


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
