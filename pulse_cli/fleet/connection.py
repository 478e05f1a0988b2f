"""Connections to the Redis or Valkey server of the queue.

A connection gives up on a command that is not answered within its deadline, and repeats nothing:
who waits for the server, and for how long, is decided by the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pulse_cli.errors import Fatal, Kind, Transient
from pulse_cli.wiring import secret

if TYPE_CHECKING:
    from pulse_cli.config import Settings

ANSWER_SECONDS = 5.0
AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
_REFUSALS_THAT_PASS = ("OOM", "LOADING", "BUSY", "READONLY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN")


def connect(address: str, answer_seconds: float = ANSWER_SECONDS) -> redis.Redis:
    """A client of the server. It connects with the first command."""
    return redis.Redis.from_url(
        address,
        socket_timeout=answer_seconds,
        socket_connect_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 1),  # a connection that the server closed is opened once more
        health_check_interval=30,
    )


def address_of(settings: Settings) -> str | None:
    """The address of the queue with its password, None where none is set."""
    url, given = settings.queue.url, secret(settings.queue.basic_auth)
    if url is None or given is None:
        return url
    user, _, password = given.partition(":")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


def translated(error: redis.exceptions.RedisError) -> Transient | Fatal:
    """What the error of a command means: the server is away, is full, or refuses us."""
    text = str(error) or type(error).__name__
    if isinstance(error, redis.exceptions.AuthenticationError | redis.exceptions.NoPermissionError):
        return Fatal(
            f"the queue refuses the user or password: {text}",
            hint="set PULSE_QUEUE__BASIC_AUTH=USER:PASSWORD",
            kind=Kind.AUTH,
        )
    if isinstance(error, AWAY):
        return Transient(f"the queue does not answer: {text}")
    if text.startswith(_REFUSALS_THAT_PASS):
        return Transient(f"the queue refuses: {text}")
    return Fatal(f"the queue refuses: {text}", kind=Kind.REFUSED)
