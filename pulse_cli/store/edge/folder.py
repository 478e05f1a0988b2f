"""The folder of one embedded collection: its files, its user, and the process that has it open.

    collection.json   format, and an id that is new whenever the points are made anew
    shard/            the engine's files
    owner.lock        locked by the owner while it runs; names its process and its address
    owner.sock        the owner's socket, unless the file system has none or the path is too long
    owner.log         what the owner printed, removed when it ends in order

Nothing is written into a folder that holds something else, and the lock is taken before a byte
of the shard is touched. The lock is the kernel's (flock), so a killed owner leaves none behind.
Symbolic links to the folder are followed, so all its names lead to one lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.atomic_file import write_atomically
from pulse_cli.errors import Fatal, Kind

FORMAT = 1
LOCK, SOCKET, LOG, ABOUT, SHARD = (
    "owner.lock",
    "owner.sock",
    "owner.log",
    "collection.json",
    "shard",
)
_OURS = frozenset({LOCK, SOCKET, LOG, ABOUT, SHARD, f"{SHARD}.new"})


@dataclass(frozen=True)
class OwnerRecord:
    """What an owner writes into the lock file.

    `socket` is absolute, or a name in the folder. `writer` is the process that may write, or 0;
    other processes of the same `run` (unless it is "") may write, too.
    """

    pid: int
    host: str
    socket: str
    writer: int = 0
    run: str = ""

    @classmethod
    def of_this_process(cls, address: str, writer: int, run: str) -> OwnerRecord:
        return cls(os.getpid(), socket.gethostname(), address, writer, run)

    def is_here(self) -> bool:
        """Whether it was written on this machine."""
        return self.host == socket.gethostname()

    def write(self, lock: int) -> None:
        """Write it. A reader of an incomplete record reads again. Raises OSError."""
        text = orjson.dumps(asdict(self))
        os.ftruncate(lock, 0)
        os.pwrite(lock, text, 0)


@dataclass(frozen=True)
class CollectionFolder:
    path: Path

    @classmethod
    def at(cls, path: Path) -> CollectionFolder:
        """The folder that `path` leads to, whether it exists or not."""
        return cls(Path(os.path.realpath(path)))

    @property
    def shard(self) -> Path:
        return self.path / SHARD

    @property
    def log(self) -> Path:
        return self.path / LOG

    @property
    def lock(self) -> Path:
        return self.path / LOCK

    def exists(self) -> bool:
        """Whether it holds a collection. Raises Fatal where it holds something else."""
        try:
            about = (self.path / ABOUT).read_bytes()
        except FileNotFoundError:
            self._refuse_foreign()
            return False
        except OSError as error:
            raise self.unusable(error) from error
        if _field(about, "format") != FORMAT:
            raise Fatal(
                f"the index {self.path} was made by another version of pulse",
                hint="use that version, or name another --collection",
                kind=Kind.STORE,
            )
        return self.shard.exists()

    def _refuse_foreign(self) -> None:
        try:
            names = {entry.name for entry in os.scandir(self.path)} - _OURS
            foreign = sorted(name for name in names if not name.startswith(f".{ABOUT}."))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self.unusable(error) from error
        if foreign:
            raise Fatal(
                f"{self.path} is not an index of pulse: it holds {', '.join(foreign[:3])}"
                + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""),
                hint="name another --collection or another folder; nothing was touched there",
                kind=Kind.STORE,
            )

    def make(self) -> None:
        """Create the folder for a new collection. Raises Fatal."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self.unusable(error) from error

    def identity(self) -> str:
        """The id of the points in it. Raises OSError, ValueError."""
        return str(_field((self.path / ABOUT).read_bytes(), "id"))

    def renew_identity(self) -> None:
        """Write a new id, durably, because all points will be replaced. Raises OSError."""
        about = orjson.dumps({"format": FORMAT, "id": uuid.uuid4().hex})
        write_atomically(self.path / ABOUT, about)

    def try_lock(self) -> int | None:
        """The descriptor that holds the lock, None while another process has it. Raises Fatal."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            lock = os.open(self.lock, flags, 0o600)
        except OSError as error:
            raise self.unusable(error) from error
        try:
            self._check_user(os.fstat(lock).st_uid)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), self.lock.stat()):
                return lock
        except (BlockingIOError, FileNotFoundError):
            pass  # another has it; or it was removed meanwhile, with the folder
        except OSError as error:
            os.close(lock)
            raise self._no_locks(error) from error
        except Fatal:
            os.close(lock)
            raise
        os.close(lock)
        return None

    def owner(self) -> OwnerRecord | None:
        """The record of the present or last holder of the lock; None where there is none."""
        try:
            lock = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with os.fdopen(lock, "rb") as file:
                self._check_user(os.fstat(file.fileno()).st_uid)
                said = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.unusable(error) from error
        try:
            return OwnerRecord(**orjson.loads(said))
        except (orjson.JSONDecodeError, TypeError):  # not written yet, or no owner any more
            return None

    def forget_owner(self, lock: int) -> None:
        """Release `lock`. The record is removed first, if the folder is still that of `lock`."""
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
            if os.path.samestat(os.fstat(lock), self.lock.stat()):
                self.log.unlink(missing_ok=True)
        os.close(lock)

    def address(self, owner: OwnerRecord) -> str:
        return str(self.path / owner.socket)

    def _check_user(self, user: int) -> None:
        if user != os.geteuid():
            raise Fatal(
                f"the index {self.path} belongs to user {user}; this process runs as "
                f"user {os.geteuid()}",
                hint="run pulse as that user, or name another --collection",
                kind=Kind.PERMISSION,
            )

    def unusable(self, error: OSError) -> Fatal:
        return Fatal(
            f"the index {self.path} cannot be used: {error.strerror or error}",
            hint="check that folder and its permissions, or name another folder by --qdrant",
            kind=Kind.STORE,
        )

    def _no_locks(self, error: OSError) -> Fatal:
        return Fatal(
            f"the file system of {self.path} has no file locks ({error.strerror or error}); "
            "without them two processes could destroy the index",
            hint="put it on a local disk (--qdrant DIR), or use a Qdrant server (--qdrant URL)",
            kind=Kind.STORE,
        )


def _field(text: bytes, name: str) -> Any:
    """A field of a JSON object; None where there is none, or no object."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found.get(name) if isinstance(found, dict) else None
