"""Term weights computed in a process of their own, once there are many to compute.

Edge's BM25 is the costliest part of preparing (about 0.1 ms a chunk) and holds Python's lock
(the GIL) all the while, so that it would hold up the event loop. The weights are the same
wherever they are computed. So a process that cannot be started, ends, or does not answer in
time costs nothing but speed: from then on they are computed here.
"""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import asdict

from pulse_cli.ipc import PIPE_BYTES, environment, pack_message, read_message, widen
from pulse_cli.model import Terms
from pulse_cli.prepare.options import PrepareOptions
from pulse_cli.prepare.terms import TermWeights

START_AFTER = 512  # chunks; fewer are done before a process would have started
DEADLINE = 10.0  # seconds of one answer, which takes hundredths


class TermProcess:
    """`TermWeights`, beside this process as far as that helps. Thread-safe; blocking.

    `close` ends the process; what is asked after that is computed here.
    """

    def __init__(
        self,
        options: PrepareOptions,
        *,
        start_after: int = START_AFTER,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ValueError for a language Edge does not know."""
        self._options = options
        self._here = TermWeights(options)
        self._left = start_after
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._useless = False

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    def of_chunks(self, texts: Sequence[str]) -> list[Terms]:
        if self._left > 0:
            self._left -= len(texts)
            return self._here.of_chunks(texts)
        with self._turn:
            found = None if self._useless else self._asked(texts)
        return found or self._here.of_chunks(texts)

    def of_query(self, text: str) -> Terms:
        return self._here.of_query(text)

    def close(self) -> None:
        with self._turn:
            self._end()

    def _asked(self, texts: Sequence[str]) -> list[Terms] | None:
        """By the process; None where it is of no use any more."""
        try:
            process = self._process or self._start()
            by = self._monotonic() + DEADLINE
            self._send(process, pack_message(texts), by)
            return _terms(self._answer(process, by), len(texts))
        except (OSError, ValueError):
            self._end()
            return None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pulse_cli.prepare.terms_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment(),
            start_new_session=True,
        )
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            widen(pipe.fileno())
        self._send(process, pack_message(asdict(self._options)), self._monotonic() + DEADLINE)
        return process

    def _send(self, process: subprocess.Popen[bytes], data: bytes, by: float) -> None:
        assert process.stdin is not None
        view = memoryview(data)
        while view:
            self._wait(process.stdin.fileno(), select.POLLOUT, by)
            view = view[os.write(process.stdin.fileno(), view) :]

    def _answer(self, process: subprocess.Popen[bytes], by: float) -> tuple[list[int], bytes]:
        assert process.stdout is not None
        received = bytearray()
        while True:
            self._wait(process.stdout.fileno(), select.POLLIN, by)
            data = os.read(process.stdout.fileno(), PIPE_BYTES)
            if not data:
                raise BrokenPipeError("it ended")
            received += data
            if (frame := read_message(io.BytesIO(received))) is not None:
                return frame

    def _wait(self, pipe: int, until: int, by: float) -> None:
        poll = select.poll()
        poll.register(pipe, until)
        if not poll.poll(max(0.0, by - self._monotonic()) * 1e3):
            raise TimeoutError("no answer in time")

    def _end(self) -> None:
        self._useless = True
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()


def _terms(answer: tuple[list[int], bytes], count: int) -> list[Terms]:
    counts, body = answer
    numbers = len(body) // 8
    if len(counts) != count or sum(counts) != numbers:
        raise ValueError("an answer to something else")
    indices, weights = array("I", body[: 4 * numbers]), array("f", body[4 * numbers :])
    found, at = [], 0
    for size in counts:
        found.append(Terms(indices[at : at + size], weights[at : at + size]))
        at += size
    return found
