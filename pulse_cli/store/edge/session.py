"""Sends the requests of one store to the owner of its collection.

The owner is started if there is none. A client whose request gets no answer in time kills the
owner. If the owner dies, the first client that gets the lock starts the next one, and all clients
connect to it. Every unanswered request is sent again, at most twice: all requests are repeatable.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from pulse_cli.store.edge.connection import Answered, Connection, Died, Stranger
from pulse_cli.store.edge.folder import CollectionFolder
from pulse_cli.store.edge.launch import last_words, start_owner, status_of, was_started_here
from pulse_cli.store.edge.refusals import dead, gone, locked, missing

TRIES = 3
GIVEN_UP_S = 10.0
CLOSE_S = 30.0
POLL_S = 0.02
START_S = 30.0  # time for an owner to begin listening
FOREIGN_S = 2.0  # the same, if the lock file says that it runs on another machine


class Session:
    """See `open`. `deadline`: seconds after which the owner counts as stuck."""

    def __init__(self, path: Path, *, deadline: float) -> None:
        self.path = path
        self._deadline = deadline
        self._folder = CollectionFolder(path)
        self._opening: dict[str, Any] = {}
        self._identity: str | None = None
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._gave_up = ("", 0.0)

    @property
    def pid(self) -> int | None:
        """The owner, while there is a connection to it."""
        connection = self._connection
        return connection.pid if connection is not None and connection.alive else None

    async def open(self, *, create: bool, dimension: int) -> dict[str, Any]:
        """Open the collection. Returns the result of the operation `open`.

        With `create` a missing collection is created. Raises Answered, Fatal.
        """
        await self.close()
        self._folder = CollectionFolder.at(self.path)
        if not self._folder.exists():
            if not create:
                raise missing(self.path)
            self._folder.make()
        self._identity = None
        self._opening = {"op": "open", "create": create, "write": False, "dimension": dimension}
        found: dict[str, Any] = await self.call(self._opening)
        self._identity = found["identity"]
        self._opening |= {"create": False}
        return found

    async def claim(self, lock_wait: float, run_id: str) -> None:
        """Get the right to write, and keep it when the owner is replaced.

        Clients of one run (if it is not "") write together. If another client is writing, wait up
        to `lock_wait` seconds. Raises Answered, Fatal.
        """
        until = asyncio.get_running_loop().time() + lock_wait
        while True:
            try:
                await self.call({"op": "claim", "run": run_id})
            except Answered as error:
                if error.kind != "locked" or asyncio.get_running_loop().time() >= until:
                    raise
                await asyncio.sleep(POLL_S)
            else:
                self._opening |= {"write": True, "run": run_id}
                return

    async def release(self) -> None:
        """Let others write. Raises Answered, Fatal."""
        self._opening |= {"write": False, "run": ""}
        await self.call({"op": "release", "run": ""})

    async def call(
        self, header: dict[str, Any], body: bytes | memoryview = b"", deadline: float | None = None
    ) -> Any:
        """Send one request, and up to twice again if the owner dies during it.

        Raises Answered, or Unavailable if that did not help. After that, requests fail at once
        for some seconds, so that a run can end soon.
        """
        reason, until = self._gave_up
        loop = asyncio.get_running_loop()
        if loop.time() < until:
            raise dead(self.path, TRIES, reason)
        for _ in range(TRIES):
            try:
                connection = await self._connected()
                return await connection.call(header, body, deadline or self._deadline)
            except Died as error:
                reason = error.reason or await self._last_words(error.pid)
        self._gave_up = (reason, loop.time() + GIVEN_UP_S)
        raise dead(self.path, TRIES, reason)

    async def _connected(self) -> Connection:
        """The connection; makes one if there is none. Raises Died, Answered, Fatal."""
        async with self._connecting:
            if self._connection is None or not self._connection.alive:
                self._connection = await self._connect()
                if self._identity is not None:
                    await self._reopen(self._connection)
            return self._connection

    async def _reopen(self, connection: Connection) -> None:
        """Open the collection again at a new owner. Raises as `_connected`."""
        try:
            found = await connection.call(self._opening, b"", self._deadline)
        except Answered as error:
            connection.abandon()
            raise gone(self.path) if error.kind == "missing" else error from error
        if found["identity"] != self._identity:
            connection.abandon()
            raise gone(self.path)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        began = loop.time()
        started: int | None = None
        while True:
            owner = self._folder.owner()
            if owner is not None:
                try:
                    address = self._folder.address(owner)
                    return await Connection.connect(address, self._deadline)
                except OSError:  # it has not begun to listen, or has ended
                    pass
                except Stranger as error:
                    raise locked(self.path, f"a process of {error}") from error
            if started is None:
                started = self._start_if_free()
            elif status_of(started) is not None:
                raise Died(started)
            patience = FOREIGN_S if owner and not owner.is_here() else START_S
            if loop.time() - began >= patience:
                who = f"process {owner.pid} on {owner.host}" if owner else "another process"
                raise locked(self.path, f"{who}, which cannot be reached from here")
            await asyncio.sleep(POLL_S)

    def _start_if_free(self) -> int | None:
        """Start an owner unless there is one. Returns its process id."""
        lock = self._folder.try_lock()
        if lock is None:
            return None
        try:
            return start_owner(self._folder, lock)
        finally:
            os.close(lock)

    async def _last_words(self, owner: int) -> str:
        """How the owner ended. Waits a moment: connections break before the status is known."""
        for _ in range(50):
            if (status := status_of(owner)) is not None or not was_started_here(owner):
                break
            await asyncio.sleep(POLL_S)
        return last_words(self._folder, status)

    async def close(self) -> None:
        """Disconnect; the owner ends if this was its last client."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(min(CLOSE_S, self._deadline))
