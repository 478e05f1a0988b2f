"""Compares the clock of this machine with those of its servers, by their `Date` header.

No run needs equal clocks: whether a page is unchanged is decided by its hash. But `indexed_at` is
the time of the machine that indexed, which would mislead readers on other machines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pulse_cli.doctor.finding import Finding, ok, warning
from pulse_cli.errors import PulseError
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.client import Client
from pulse_cli.wiring import is_server

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.ports import Clock

TOLERATED_S = 60.0
ANSWER_S = 5.0


async def clocks(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """One finding for each server that sends its time; other servers are left out."""
    servers = {"embedder": settings.embed.url.removeprefix("openai+")}
    servers["Qdrant"] = settings.qdrant.url or ""
    for name, url in servers.items():
        if not is_server(url):
            continue
        ahead = await seconds_ahead(url, clock, trust_env=settings.network.trust_env)
        if ahead is not None:
            yield judged(name, ahead)


def judged(name: str, ahead: float) -> Finding:
    """The finding for a server whose clock is `ahead` seconds ahead of this machine's."""
    if abs(ahead) <= TOLERATED_S:
        return ok("server clock", f"{name}: within {TOLERATED_S:g} s of this machine's")
    way = "ahead of" if ahead > 0 else "behind"
    return warning(
        "server clock",
        f"{name}: {abs(ahead):,.0f} s {way} this machine's; runs are not affected, "
        "but indexed_at is the time of this machine",
        "timedatectl set-ntp true, on the one that is wrong",
    )


async def seconds_ahead(url: str, clock: Clock, *, trust_env: bool) -> float | None:
    """The smallest difference that explains the `Date` of an answer; None without that header.

    The header was written between request and answer, in whole seconds (RFC 9110, 6.6.1). The
    request has no credentials: an answer of any status has the header.
    """
    address = Address.parse(url, Peer("the server", "its address", "its key"))
    client = Client(address, timeout=ANSWER_S, trust_env=trust_env)
    try:
        sent = clock.time()
        answer = await client.get("")
        received = clock.time()
        its_time = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (PulseError, KeyError, ValueError, OverflowError):
        return None
    finally:
        await client.close()
    return max(its_time - received, 0.0) or min(its_time + 1.0 - sent, 0.0)
