"""The socket of an owner: where it is bound, who may connect, and when it is removed.

It is bound in the folder of the collection. If that is not possible (a socket's path may have about
100 bytes, and some file systems have no sockets), it is bound in a new folder in the system's
temporary folder, and the lock file says where. Both are for this user only, and both sides ask the
kernel for the user of the other process.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import tempfile
from pathlib import Path

from pulse_cli.store.edge.folder import SOCKET, CollectionFolder, OwnerRecord

PRIVATE = "pulse-owner-"
_BACKLOG = 128
_LONGEST = 100  # bytes of a socket's name: 108 on Linux, 104 on macOS, an end among them
_CREDENTIALS = struct.Struct("3i")  # unix(7), SO_PEERCRED: pid, uid, gid


def peer(connection: socket.socket) -> tuple[int, int] | None:
    """Process and user at the other end, None where the system does not tell (not Linux)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    found = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    pid, user, _ = _CREDENTIALS.unpack(found)
    return pid, user


class Listener:
    """Listens for the holder of the folder's lock. `address` is for the lock file."""

    def __init__(self, folder: CollectionFolder, before: OwnerRecord | None) -> None:
        """`before` is the owner that may have left its socket. Raises OSError."""
        if before is not None:
            remove_socket(Path(folder.address(before)))
        remove_socket(folder.path / SOCKET)
        self.socket = socket.socket(socket.AF_UNIX)
        self.address = SOCKET
        self._path = folder.path / SOCKET
        try:
            self.socket.bind(str(self._path))
        except OSError:
            self._path = _private_folder() / SOCKET
            self.address = str(self._path)
            self.socket.bind(self.address)
        self._bound = self._path.stat()
        self.socket.listen(_BACKLOG)
        self.socket.setblocking(False)

    def accept(self) -> socket.socket | None:
        """The next connection of this user, None if nobody waits."""
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:  # nobody waits, or the client has gone
                return None
            other = peer(connection)
            if other is None or other[1] in (0, os.geteuid()):
                connection.setblocking(False)
                return connection
            connection.close()

    def close(self) -> None:
        self.socket.close()
        with contextlib.suppress(OSError):
            if os.path.samestat(self._bound, os.lstat(self._path)):
                remove_socket(self._path)


def _private_folder() -> Path:
    """A new folder for this user alone, whose path is short."""
    made = Path(tempfile.mkdtemp(prefix=PRIVATE))
    if len(os.fsencode(made / SOCKET)) > _LONGEST:
        made.rmdir()
        made = Path(tempfile.mkdtemp(prefix=PRIVATE, dir="/tmp"))
    return made


def remove_socket(path: Path) -> None:
    """Remove the socket that an owner left, and its private folder; nothing else."""
    with contextlib.suppress(OSError):
        if not path.is_socket() or path.name != SOCKET:
            return
        path.unlink()
        if path.parent.name.startswith(PRIVATE):
            path.parent.rmdir()
