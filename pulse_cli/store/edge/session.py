"""The requests of one store to the owner of its collection, whichever process that is.

The owner is started if there is none. If it dies or hangs, whichever client gets the lock
starts the next, all connect to it, and every unanswered request is sent again, twice at most:
all of them may be repeated. An owner that hangs is killed by the client that waited in vain.
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
START_S = 30.0  # in which an owner must have begun to listen
FOREIGN_S = 2.0  # the same, where the lock file says that it runs on another machine


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
        """Open the collection; what the operation `open` answers.

        With `create` it is made if it is not there. Raises Answered, Fatal.
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
        """Be the one client that writes, from now on, also at the next owner.

        Clients of one run ("": of none) write together. Who finds another one writing waits for
        `lock_wait` seconds. Raises Answered, Fatal.
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
        """Send one request, twice more if the owner dies over it.

        Raises Answered, or Fatal (exit 75) if that did not help; then later requests get that
        at once for some seconds, so that a run can end soon.
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
        """The connection, made anew where there is none. Raises Died, Answered, Fatal."""
        async with self._connecting:
            if self._connection is None or not self._connection.alive:
                self._connection = await self._connect()
                if self._identity is not None:
                    await self._reopen(self._connection)
            return self._connection

    async def _reopen(self, connection: Connection) -> None:
        """Have the next owner open what was open. Raises as `_connected`."""
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
        """Start an owner unless there is one; its process."""
        lock = self._folder.try_lock()
        if lock is None:
            return None
        try:
            return start_owner(self._folder, lock)
        finally:
            os.close(lock)

    async def _last_words(self, owner: int) -> str:
        """How the owner ended. Its connections break a moment before its status is known."""
        for _ in range(50):
            if (status := status_of(owner)) is not None or not was_started_here(owner):
                break
            await asyncio.sleep(POLL_S)
        return last_words(self._folder, status)

    async def close(self) -> None:
        """Leave; the owner ends if nobody else uses it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(min(CLOSE_S, self._deadline))
