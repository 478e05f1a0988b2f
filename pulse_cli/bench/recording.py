"""Runs the pipeline once in its own process and records its recording.

Every line of the child is followed by a look at the simulators, so that what pulse says of
itself and what the services say of it belong to one moment. The child is told to stop when its
time is over, and ends with this process, however that ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson

from pulse_cli.bench.sample import Recording, Sample
from pulse_cli.errors import Fatal, Kind

DRAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Task:
    """One run: what is indexed and with which settings, dotted names to values.

    `own` puts the user's file (`config`, if named) and environment beneath the settings;
    without it nothing of the user's counts. `seconds` from its start the run is stopped,
    0 lets it end by itself. `bare`: see `bench.bare`.
    """

    sources: tuple[str, ...]
    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    own: bool = False
    config: Path | None = None
    bare: bool = False


class Accounts(Protocol):
    """The simulators' own figures: of the embedding server, of the store."""

    def look(self) -> tuple[Any, Any]: ...


def run_once(
    task: Task,
    accounts: Accounts | None = None,
    watch: Callable[[Sample], None] = lambda _: None,
) -> Recording:
    """Run to the end of the corpus or of the time; `watch` gets each sample as it comes.

    Raises Fatal where the run fails.
    """
    launched = time.monotonic()
    with _child(task) as child:
        recorder = _Recorder(task, child, accounts, watch, launched)
        assert child.stdout is not None
        for line in child.stdout:
            recorder.hear(orjson.loads(line))
        code = child.wait()
    return recorder.recording(code)


class _Recorder:
    """Makes samples of the child's lines, and stops it when its time is over."""

    def __init__(
        self,
        task: Task,
        child: subprocess.Popen[bytes],
        accounts: Accounts | None,
        watch: Callable[[Sample], None],
        launched: float,
    ) -> None:
        self._seconds = task.seconds
        self._child = child
        self._accounts = accounts
        self._watch = watch
        self._launched = launched
        self._started: Sample | None = None
        self._samples: list[Sample] = []
        self._summary: Mapping[str, Any] | None = None
        self._notes: list[str] = []
        self._stopped = False

    def hear(self, line: dict[str, Any]) -> None:
        if line["kind"] == "message":
            if line["text"] not in self._notes:
                self._notes.append(line["text"])
            return
        sample = Sample.of(line, *(self._accounts.look() if self._accounts else ()))
        if line["kind"] == "started":
            self._started = sample
            return
        self._summary = line.get("summary")
        if not self._stopped or self._summary is not None:
            self._samples.append(sample)
            self._watch(sample)
        self._stop_in_time(sample)

    def _stop_in_time(self, sample: Sample) -> None:
        if self._started is None or not self._seconds or self._stopped:
            return
        if self._summary is None and sample.at - self._started.at >= self._seconds:
            self._stopped = True
            self._child.send_signal(signal.SIGINT)

    def recording(self, code: int) -> Recording:
        summary = self._summary
        if summary is None or self._started is None:
            error = (summary or {}).get("error") or {}
            raise Fatal(
                error.get("message", f"the pipeline ended with {code} and said nothing"),
                hint=error.get("hint", "run the same with `pulse index` to see why"),
                kind=Kind.BENCH,
            )
        error = summary.get("error") or {}
        if error or (summary["status"] != "complete" and not self._stopped):
            raise Fatal(
                f"the measured run did not end well: {error.get('message', summary['status'])}",
                hint=error.get("hint", ""),
                kind=Kind.BENCH,
            )
        return Recording(
            self._launched,
            self._started,
            tuple(self._samples),
            summary,
            self._stopped,
            tuple(self._notes),
        )


@contextmanager
def _child(task: Task) -> Iterator[subprocess.Popen[bytes]]:
    """The child at work, in a session of its own: Ctrl-C is for us, and we tell it."""
    child = subprocess.Popen(
        [sys.executable, "-m", "pulse_cli.bench.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with suppress(BrokenPipeError):  # it says itself why it ended
            child.stdin.write(orjson.dumps(_as_json(task)))
            child.stdin.close()
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        child.stdout.close()


def _as_json(task: Task) -> dict[str, Any]:
    return {
        "sources": task.sources,
        "settings": {**task.settings, "state_dir": str(task.folder / "state")},
        "folder": str(task.folder),
        "own": task.own,
        "config": str(task.config) if task.config else None,
        "bare": task.bare,
    }
