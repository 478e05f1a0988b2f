"""A handle on the process that holds the embedded shard.

Requests go down a pipe in the order they are made and are answered in that order, so several
may be under way. If the process dies or hangs, it is started again and every unanswered
request is sent once more: all of them may be repeated. A caller that is cancelled leaves its
answer behind, which the reader drops.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from typing import IO, Any

import orjson

from pulse_cli.errors import Exit, Fatal, PulseError, Rejected
from pulse_cli.ipc import MESSAGE_LENGTHS, environment, pack_message, widen

TRIES = 3
CLOSE_S = 30.0


class Died(Exception):
    """The process ended, or was ended, with requests unanswered."""


class Answered(Exception):
    """The process answered with an error of `kind` locked, missing, os or engine."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Child:
    """One running process."""

    def __init__(self, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self._process = process
        self._log = log
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last = 0
        self._reader = asyncio.create_task(self._read(), name="edge answers")

    @classmethod
    async def start(cls) -> Child:
        log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "pulse_cli.store.edge.child", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environment(),
            start_new_session=True,
        )
        assert process.stdin is not None
        pipe = process.stdin.transport.get_extra_info("pipe")
        with contextlib.suppress(AttributeError, ValueError):  # it died already
            widen(pipe.fileno())
        return cls(process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._reader.done()

    async def call(self, header: dict[str, Any], body: bytes | memoryview, deadline: float) -> Any:
        """Raises Died or Answered."""
        if not self.alive:
            raise Died(self.last_words())
        self._last += 1
        number = self._last
        frame = pack_message({**header, "id": number}, body)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        assert self._process.stdin is not None
        try:
            async with asyncio.timeout(deadline):
                # The reader tells of the death; uvloop has RuntimeError for a closed pipe.
                with contextlib.suppress(ConnectionError, RuntimeError):
                    self._process.stdin.write(frame)
                    await self._process.stdin.drain()
                return await answer
        except TimeoutError:
            await self.kill()
            raise Died(f"no answer within {deadline:g} s") from None
        finally:
            self._waiting.pop(number, None)

    async def _read(self) -> None:
        try:
            while True:
                self._resolve(*await self._frame())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:  # the event loop ends, and nobody closed the store
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            raise
        finally:
            await self._process.wait()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Died(self.last_words()))

    async def _frame(self) -> tuple[Any, bytes]:
        stream = self._process.stdout
        assert stream is not None
        lengths = await stream.readexactly(MESSAGE_LENGTHS.size)
        header_length, body_length = MESSAGE_LENGTHS.unpack(lengths)
        header = orjson.loads(await stream.readexactly(header_length))
        return header, await stream.readexactly(body_length)

    def _resolve(self, header: dict[str, Any], _body: bytes) -> None:
        answer = self._waiting.get(header["id"])
        if answer is None or answer.done():
            return
        if "error" in header:
            answer.set_exception(Answered(header["kind"], header["error"]))
        else:
            answer.set_result(header["result"])

    def last_words(self) -> str:
        """How it ended and the end of what it wrote to standard error."""
        code = self._process.returncode
        how = "it ended"
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                how = f"it was ended by {signal.Signals(-code).name}"
        elif code:
            how = f"it ended with status {code}"
        with contextlib.suppress(OSError, ValueError):
            self._log.seek(0, os.SEEK_END)
            self._log.seek(max(0, self._log.tell() - 500))
            said = self._log.read().decode(errors="replace").strip()
            how += f": {said}" if said else ""
        return how

    async def kill(self) -> None:
        """End it now, if it has not ended; nothing it answered is lost."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.shield(self._reader)
        self._log.close()

    async def close(self, deadline: float) -> None:
        """Let it finish what it was sent and end; after `deadline` seconds end it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(deadline):
                await asyncio.shield(self._reader)
        except TimeoutError:
            await self.kill()
        finally:
            self._log.close()


class EdgeProcess:
    """Keeps one process running with one shard open. `opening` opens it."""

    def __init__(self, opening: dict[str, Any], *, deadline: float) -> None:
        self._opening = opening
        self._deadline = deadline
        self._child: Child | None = None
        self._starting = asyncio.Lock()
        self._gave_up = ""

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.alive else None

    async def open(self, **changes: Any) -> dict[str, Any]:
        """Start it and open the shard; what `open` answers. `changes` are kept for restarts."""
        self._opening |= changes
        await self.close()
        reason = "it did not start"
        for _ in range(TRIES):
            child = await Child.start()
            try:
                wait = self._deadline + float(self._opening["lock_wait"])
                answer: dict[str, Any] = await child.call(self._opening, b"", wait)
            except Died as error:
                reason = str(error)
                await child.kill()
            except BaseException:
                await child.kill()
                raise
            else:
                self._child = child
                return answer
        raise dead(self._opening["path"], reason)

    async def call(
        self, header: dict[str, Any], body: bytes | memoryview = b"", deadline: float | None = None
    ) -> Any:
        """Send one request, twice more if the process dies over it.

        Raises Answered, or Fatal (exit 75) if that did not help; then all later requests get
        that at once, so that a run can end soon.
        """
        reason = ""
        for _ in range(TRIES):
            if self._gave_up:
                raise dead(self._opening["path"], self._gave_up)
            child = await self._running()
            try:
                return await child.call(header, body, deadline or self._deadline)
            except Died as error:
                reason = str(error)
        self._gave_up = reason
        raise dead(self._opening["path"], reason)

    async def _running(self) -> Child:
        async with self._starting:
            if self._child is None or not self._child.alive:
                await self.open(create=False)
            assert self._child is not None
            return self._child

    async def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.close(min(CLOSE_S, self._deadline))


def dead(path: str, reason: str) -> Fatal:
    return Fatal(
        f"the process of the embedded store {path} failed {TRIES} times; the last time: {reason}",
        hint="check disk space and memory, then run the same command again: it goes on from here"
        " (qdrant.timeout sets how long an answer may take)",
        kind="store-died",
        exit_code=Exit.UNAVAILABLE,
    )


def translate(error: Answered, path: str) -> PulseError:
    """What an answered error means to the engine of pulse."""
    text = str(error)
    if error.kind == "locked":
        return Fatal(
            f"the index {path} is in use by another pulse process",
            hint="wait until that run has ended",
            kind="locked",
            exit_code=Exit.LOCKED,
        )
    if error.kind == "missing":
        return Fatal(
            f"there is no index at {path}", hint="run `pulse index` first", kind="no-index"
        )
    if "No space left" in text:
        return Fatal(
            f"the disk of {path} is full: {text}",
            hint="make room, then run the same command again: it goes on from here",
            kind="disk-full",
            exit_code=Exit.UNAVAILABLE,
        )
    if error.kind == "os" or "os error" in text:  # never to be blamed on what was written
        return Fatal(
            f"the embedded store {path}: {text}",
            hint="check that folder, its permissions and its disk, then run the same command again;"
            " or name another --collection",
            kind="store",
            exit_code=Exit.UNAVAILABLE,
        )
    if "No point with id" in text:
        return Fatal(
            f"the index {path} was changed by something else while pulse wrote to it: {text}",
            hint="run the same command again",
            kind="index-changed",
            exit_code=Exit.UNAVAILABLE,
        )
    if "dimension error" in text:
        return Fatal(f"the embedded store {path}: {text}", hint="use another --collection")
    return Rejected(f"the embedded store refused it: {text}", reason="store-rejected")
