"""The process that holds the embedded shard: reads requests, answers them in order.

It is started with `python -m pulse_cli.store.edge.child PARENT_PID` and ends with its parent:
at the end of its standard input, and on Linux by a kernel signal when the parent dies while
it is at work. It has a session of its own and ignores SIGINT, SIGTERM and SIGHUP, so that
Ctrl-C in a terminal reaches pulse alone, which then drains in order. Being killed loses
nothing that was answered: the shard's log is replayed when it is opened again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import qdrant_edge as edge

from pulse_cli.ipc import ignore_signals, pack_message, read_message
from pulse_cli.payload import INDEXES, KEY
from pulse_cli.store.edge.shard import Shard
from pulse_cli.store.filters import SPARSE

LOCK_POLL_S = 0.1
PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when the parent ends (prctl(2), Linux only)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


class Server:
    """Answers one request at a time. `handle` returns the answer's header."""

    def __init__(self) -> None:
        self._shard: Shard | None = None
        self._dimension = 0
        self._handlers: dict[str, Callable[[dict[str, Any], bytes], Any]] = {
            "open": self._open,
            "upsert": self._upsert,
            "query": self._query,
            "scroll": self._scroll,
            "delete": lambda request, _: self.shard.delete(request["filter"]),
            "payload": lambda r, _: self.shard.set_payload_ids(r["payload"], r["ids"]),
            "retrieve": lambda r, _: self.shard.retrieve(r["ids"], r["payload"]),
            "count": lambda _, __: self.shard.count(),
            "flush": self._flush,
            "optimize": lambda _, __: self.shard.optimize(),
        }

    @property
    def shard(self) -> Shard:
        assert self._shard is not None, "open comes first"
        return self._shard

    def handle(self, request: dict[str, Any], body: bytes) -> Any:
        return self._handlers[request["op"]](request, body)

    def _upsert(self, request: dict[str, Any], body: bytes) -> None:
        self.shard.upsert(self._points(request["points"], body))

    def _flush(self, _: dict[str, Any], __: bytes) -> None:
        try:
            self.shard.flush()
        except Exception as error:  # whatever it says, it was the disk
            raise OSError(str(error)) from error

    def _query(self, request: dict[str, Any], body: bytes) -> list[dict[str, Any]]:
        vector: Any = request["sparse"] or memoryview(body).cast("f").tolist()
        return self.shard.query(vector, request["using"], request["filter"], request["limit"], True)

    def _scroll(self, request: dict[str, Any], _: bytes) -> Any:
        return self.shard.scroll(
            request["filter"], request["limit"], request["offset"], request["payload"]
        )

    def _open(self, request: dict[str, Any], _: bytes) -> dict[str, Any]:
        path = Path(request["path"])
        if not path.exists() or not any(path.iterdir()):
            if not request["create"]:
                raise FileNotFoundError(path)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._shard = Shard.create(path, {"": (request["dimension"], "Cosine")}, (SPARSE,))
        elif not (path / "edge_config.json").exists():  # the engine would write into it
            raise NotADirectoryError("it is a folder of something else")
        else:
            self._shard = self._load(path, request["lock_wait"])
        if request["create"]:
            self._complete()
        dense = self._shard.vectors.get("", {})
        self._dimension = dense.get("size", 0)
        return {
            "dimension": self._dimension,
            "distance": dense.get("distance"),
            "sparse": SPARSE in self._shard.sparse,
        }

    def _load(self, path: Path, lock_wait: float) -> Shard:
        """Open the shard; another process may hold it for a little while still."""
        deadline = time.monotonic() + lock_wait
        while True:
            try:
                return Shard.load(path)
            except Exception as error:
                if "WouldBlock" not in str(error):
                    raise
                if time.monotonic() >= deadline:
                    raise BlockingIOError(str(path)) from error
            time.sleep(LOCK_POLL_S)

    def _complete(self) -> None:
        """Add what a crash while creating, or an older version, left out."""
        if SPARSE not in self.shard.sparse:
            self.shard.add_sparse(SPARSE)
        for field in sorted(set(INDEXES) - self.shard.indexed()):
            self.shard.create_index(field, INDEXES[field], prefix=field == KEY)

    def _points(self, points: list[dict[str, Any]], body: bytes) -> list[edge.Point]:
        numbers = memoryview(body).cast("f").tolist()
        size = self._dimension
        made = []
        for number, point in enumerate(points):
            vector: dict[str, Any] = {"": numbers[number * size : (number + 1) * size]}
            if point["indices"]:
                vector[SPARSE] = edge.SparseVector(point["indices"], point["values"])
            made.append(edge.Point(point["id"], vector, point["payload"]))
        return made

    def close(self) -> None:
        if self._shard is not None:
            self._shard.close()


def _failure(error: Exception) -> dict[str, str]:
    kinds = ((BlockingIOError, "locked"), (FileNotFoundError, "missing"), (OSError, "os"))
    kind = next((name for cls, name in kinds if isinstance(error, cls)), "engine")
    return {"error": str(error), "kind": kind}


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    server = Server()
    while (frame := read_message(requests)) is not None:
        request, body = frame
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            answer["result"] = server.handle(request, body)
        except Exception as error:
            answer |= _failure(error)
        answers.write(pack_message(answer))
        answers.flush()
    server.close()


def main() -> None:
    ignore_signals()
    os.umask(0o077)
    die_with(int(sys.argv[1]))
    with os.fdopen(os.dup(1), "wb") as answers, contextlib.suppress(BrokenPipeError):
        os.dup2(2, 1)  # what the engine may print must not end up between two answers
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
