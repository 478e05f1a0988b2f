"""Errors say what to do about them: that is their class, not their text.

`Transient` is waited for and retried and never blames a record. `Rejected` blames the
records it was raised for: a request of several is bisected, a single one becomes a
dead letter. `Fatal` ends the run with its exit code and a message that says what to do.
Adapters translate foreign errors into these at their edge; nothing else crosses.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FATAL = 1
    USAGE = 2
    DEAD_LETTERS = 3
    REFUSED = 4
    LOCKED = 11
    UNAVAILABLE = 75
    INTERRUPTED = 130
    TERMINATED = 143


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
    """The run cannot go on. `hint` says what to do; `kind` names it for `--json`."""

    def __init__(
        self, message: str, *, hint: str = "", kind: str = "fatal", exit_code: Exit = Exit.FATAL
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.kind = kind
        self.exit_code = exit_code
