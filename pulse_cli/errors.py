"""Errors say what to do about them: that is their class, not their text.

`Transient` is waited for and retried and never blames a record. `Rejected` blames the
records it was raised for: a request of several is bisected, a single one becomes a
dead letter. `Fatal` ends the run with a message that says what to do.
Adapters translate foreign errors into these at their edge; nothing else crosses.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What ended a command, for programs: `error.kind` of `--json`.

    The command line gives each kind its exit code (`cli.exit_codes`).
    """

    USAGE = "usage"
    CONFIG = "config"
    MISSING_SOURCE = "missing-source"
    NOTHING_TO_INDEX = "nothing-to-index"

    SOURCE_CHANGED = "source-changed"
    SETTINGS_CHANGED = "settings-changed"
    CHECKPOINT = "checkpoint"
    PRUNE_REFUSED = "prune-refused"

    LOCKED = "locked"

    UNAVAILABLE = "unavailable"
    DISK_FULL = "disk-full"
    INDEX_CHANGED = "index-changed"
    INDEX_GONE = "index-gone"
    STORE_DIED = "store-died"

    FAILED = "failed"
    AUTH = "auth"
    BENCH = "bench"
    BM25_VIEW = "bm25-view"
    COLLECTION = "collection"
    DIMENSION = "dimension"
    DISK = "disk"
    MODEL = "model"
    NO_INDEX = "no-index"
    NOT_FOUND = "not-found"
    PERMISSION = "permission"
    QUOTA = "quota"
    REDIRECT = "redirect"
    REFUSED = "refused"
    STORE = "store"
    STORE_REFUSES = "store-refuses"
    TLS = "tls"
    TOO_MANY_DEAD = "too-many-dead"
    UNREADABLE_SOURCE = "unreadable-source"
    VERSION = "version"
    WRONG_SERVER = "wrong-server"

    BUG = "bug"
    INTERRUPTED = "interrupted"
    MEMORY = "memory"


class PulseError(Exception):
    """Root of all errors that pulse raises on purpose. `str()` is for the user."""


class Transient(PulseError):
    """The service could not answer now.

    `overload`: it asked for less (429), so concurrency must fall. `timeout`: it did not
    answer in time and may still be at work. `retry_after`: seconds it asked us to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        overload: bool = False,
        timeout: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.overload = overload
        self.timeout = timeout
        self.retry_after = retry_after


class Malformed(Transient):
    """The answer is not what the service's protocol says: a web page, another program, noise.

    While a service is opened it means that another one is there, which is Fatal (`net.Client`).
    """


class AnswerTooLarge(Transient):
    """The answer is larger than is safe to hold in memory; it was not read to its end."""


class Rejected(PulseError):
    """The service refuses what it was sent; sending the same again is no use.

    `reason` is a short stable category for counts. `max_batch`, where known, is how many
    items the service takes at once: the batch was too large, the items are not to blame.
    """

    def __init__(self, message: str, *, reason: str, max_batch: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.max_batch = max_batch


class Fatal(PulseError):
    """The run cannot go on. `hint` says what to do; `kind` names it for programs."""

    KIND = Kind.FAILED

    def __init__(self, message: str, *, hint: str = "", kind: Kind | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.kind = kind or self.KIND


class Unavailable(Fatal):
    """A service is down or a disk full: the same command goes on later."""

    KIND = Kind.UNAVAILABLE


class Locked(Fatal):
    """Another process is at work on the same files or the same index."""

    KIND = Kind.LOCKED


class SourceChanged(Fatal):
    """An input is not the one that an interrupted run began with."""

    KIND = Kind.SOURCE_CHANGED


class PruneRefused(Fatal):
    """More pages would be removed than is safe, or the crawl is not whole."""

    KIND = Kind.PRUNE_REFUSED


class NoIndex(Fatal):
    """There is no such collection yet."""

    KIND = Kind.NO_INDEX
