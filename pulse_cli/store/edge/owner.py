"""The process that owns an embedded collection: the only one that opens its files.

`launch.py` starts it, with the lock of the folder held by a descriptor that it inherits. It
listens on a Unix socket, serves every pulse process of the same user, and ends when the last
one has left, or ten seconds after its start if none came. It does not depend on the process
that started it: it has a session of its own and ignores SIGINT, SIGTERM and SIGHUP.

Requests are done one at a time: the engine holds the interpreter lock (the GIL) during every call,
so threads would gain nothing. Reads and writes take turns: a search waits for at most one write,
however many are queued, and a write for at most one read. A client may have eight requests queued;
what it sends beyond that stays in its socket. The requests of a client that left are dropped.

One client at a time may write: the first that asks, until it releases the right or leaves. Clients
that name the same run may write together. If an owner dies, the next one reserves the right to
write for ten seconds, for the process or the run that had it.

A kill loses nothing that was answered: the log of the shard is replayed on opening.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import pulse_cli
from pulse_cli.store.edge.folder import CollectionFolder, OwnerRecord
from pulse_cli.store.edge.listening import Listener
from pulse_cli.store.edge.operations import OPERATIONS, Collection, Request, failure
from pulse_cli.store.edge.protocol import PROTOCOL, Malformed, Unpacker, pack

GRACE_S = 10.0
MOST_QUEUED = 8
RECEIVE_BYTES = 1 << 20


class Client:
    """One connection, with its queued requests and the answers that are not sent yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.unpacker = Unpacker()
        self.unsent = bytearray()
        self.queued = 0
        self.pid = 0  # from its greeting
        self.run = ""  # from its request to write: clients of one run may write together

    @property
    def events(self) -> int:
        if self.unsent:
            return selectors.EVENT_WRITE
        return selectors.EVENT_READ if self.queued < MOST_QUEUED else 0


class Turns:
    """Queued requests. Reads and writes are taken in turn, each kind in order."""

    def __init__(self) -> None:
        self._waiting: tuple[deque[Any], deque[Any]] = (deque(), deque())
        self._wrote = True

    def add(self, client: Client, request: Request, body: bytes, *, writes: bool) -> None:
        self._waiting[writes].append((client, request, body))

    def next(self) -> tuple[Client, Request, bytes]:
        writes = not self._wrote
        if not self._waiting[writes]:
            writes = not writes
        self._wrote = writes
        turn: tuple[Client, Request, bytes] = self._waiting[writes].popleft()
        return turn

    def drop(self, client: Client) -> None:
        for waiting in self._waiting:
            kept = [one for one in waiting if one[0] is not client]
            waiting.clear()
            waiting.extend(kept)

    def __len__(self) -> int:
        return sum(map(len, self._waiting))


class Owner:
    """Serves until the last client has left. `lock` is the descriptor of the folder's lock."""

    def __init__(self, folder: CollectionFolder, lock: int) -> None:
        self._lock = lock
        self._collection = Collection(folder)
        before = folder.owner()
        self._reserved = before.writer if before and before.is_here() else 0
        self._reserved_until = time.monotonic() + GRACE_S
        self._run = before.run if before and self._reserved else ""
        self._listener = Listener(folder, before)
        self._writers: list[Client] = []
        self._clients: set[Client] = set()
        self._last: Client | None = None  # the last client to leave
        self._turns = Turns()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener.socket, selectors.EVENT_READ)
        self._record()

    def serve(self) -> None:
        until = time.monotonic() + GRACE_S
        while self._clients or (self._last is None and time.monotonic() < until):
            timeout = 0.0 if self._turns else GRACE_S
            for key, events in self._selector.select(timeout):
                if key.data is None:
                    self._accept()
                elif not self._exchange(key.data, events):
                    self._leave(key.data)
            if self._turns:
                self._perform(*self._turns.next())
        self._end()

    def _accept(self) -> None:
        while (connection := self._listener.accept()) is not None:
            client = Client(connection)
            self._clients.add(client)
            self._selector.register(connection, client.events, client)

    def _exchange(self, client: Client, events: int) -> bool:
        """Send and receive what is ready. Returns whether the client is still connected."""
        try:
            if events & selectors.EVENT_WRITE:
                self._send(client)
            if events & selectors.EVENT_READ:
                return self._receive(client)
        except BlockingIOError:
            pass
        except (OSError, Malformed) as error:
            print(f"a client is dropped: {error}", file=sys.stderr)
            return False
        return True

    def _receive(self, client: Client) -> bool:
        data = client.connection.recv(RECEIVE_BYTES)
        client.unpacker.feed(data)
        while (message := client.unpacker.next()) is not None:
            header, body = message
            if not client.pid:
                self._greet(client, header)
            elif (operation := OPERATIONS.get(header.get("op", ""))) is None:
                raise Malformed(f"a request without a known operation: {header}")
            else:
                client.queued += 1
                self._turns.add(client, header, body, writes=operation.writes)
        self._watch(client)
        return bool(data)

    def _greet(self, client: Client, greeting: Request) -> None:
        mine = {"protocol": PROTOCOL, "pulse": pulse_cli.__version__, "pid": os.getpid()}
        if greeting.get("protocol") != PROTOCOL:
            mine |= {"error": f"protocol {PROTOCOL} is spoken here", "kind": "protocol"}
        client.pid = int(greeting.get("pid") or -1)
        self._answer(client, mine)

    def _perform(self, client: Client, request: Request, body: bytes) -> None:
        client.queued -= 1
        answer: Request = {"id": request.get("id")}
        rows = b""
        operation = OPERATIONS[request["op"]]
        try:
            client.run = request.get("run", client.run)
            if request["op"] == "release":
                self._release(client)
            if (operation.claims or request.get("write")) and not self._claim(client):
                answer |= {"error": f"process {self._writing}", "kind": "locked"}
            else:
                answer["result"] = result = operation.run(self._collection, request, body)
                rows = result.pop("rows", b"") if isinstance(result, dict) else b""
        except Exception as error:
            answer |= failure(error)
        self._answer(client, answer, rows)

    def _answer(self, client: Client, header: Request, body: bytes = b"") -> None:
        client.unsent += pack(header, body)
        with contextlib.suppress(OSError):  # it has left, which is noticed at the next read
            self._send(client)
        self._watch(client)

    def _send(self, client: Client) -> None:
        while client.unsent:
            del client.unsent[: client.connection.send(client.unsent)]
        self._watch(client)

    def _watch(self, client: Client) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(client.connection)
        if client.events:
            self._selector.register(client.connection, client.events, client)

    def _leave(self, client: Client) -> None:
        """Forget a client that has left. The connection of the last one stays open until the
        shard is closed.
        """
        with contextlib.suppress(KeyError):
            self._selector.unregister(client.connection)
        self._turns.drop(client)
        self._clients.discard(client)
        self._release(client)
        self._accept()
        if self._clients:
            client.connection.close()
        self._last = client

    @property
    def _writing(self) -> int:
        """The process that may write now, alone or with others of its run; 0 if any may."""
        if self._writers:
            return self._writers[0].pid
        waits = time.monotonic() < self._reserved_until and is_alive(self._reserved)
        return self._reserved if waits else 0

    def _claim(self, client: Client) -> bool:
        """Give this client the right to write, if it is free. Returns whether it has it."""
        if client in self._writers:
            return True
        joins = client.run != "" and client.run == self._run
        if self._writing and not joins and (self._writers or self._writing != client.pid):
            return False
        self._writers.append(client)
        self._run = client.run
        self._reserved = 0
        self._record()
        return True

    def _release(self, client: Client) -> None:
        if client in self._writers:
            self._writers.remove(client)
            self._record()

    def _record(self) -> None:
        record = OwnerRecord.of_this_process(self._listener.address, self._writing, self._run)
        record.write(self._lock)

    def _end(self) -> None:
        """Close the shard and release the lock. A client that waits for the end sees its
        connection close.
        """
        self._listener.close()
        self._collection.close()
        self._collection.folder.forget_owner(self._lock)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    os.chdir("/")
    owner = Owner(CollectionFolder(Path(sys.argv[1])), int(sys.argv[2]))
    owner.serve()
    os._exit(0)  # the last client, which waits for this, sees its connection end only now


if __name__ == "__main__":
    main()
