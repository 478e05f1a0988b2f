"""The clock of this machine against those of its servers, as their `Date` header tells.

Nothing depends on the clocks agreeing: that a page is unchanged is known by its hash. But
`indexed_at` is the time of the machine that indexed, and would mislead who reads it elsewhere.
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
    """One finding for each server that tells its time; others are passed over."""
    servers = {"embedder": settings.embed.url.removeprefix("openai+")}
    servers["Qdrant"] = settings.qdrant.url or ""
    for name, url in servers.items():
        if not is_server(url):
            continue
        ahead = await seconds_ahead(url, clock, trust_env=settings.network.trust_env)
        if ahead is not None:
            yield judged(name, ahead)


def judged(name: str, ahead: float) -> Finding:
    """`ahead`: seconds that the server's clock is before this machine's."""
    if abs(ahead) <= TOLERATED_S:
        return ok("server clock", f"{name}: within {TOLERATED_S:g} s of this machine's")
    way = "ahead of" if ahead > 0 else "behind"
    return warning(
        "server clock",
        f"{name}: {abs(ahead):,.0f} s {way} this machine's; nothing is lost by it, "
        "but indexed_at is the time of this machine",
        "timedatectl set-ntp true, on the one that is wrong",
    )


async def seconds_ahead(url: str, clock: Clock, *, trust_env: bool) -> float | None:
    """The least that explains the `Date` of an answer, whatever its status; None without one.

    The header was written between sending and answer and is cut to whole seconds (RFC 9110,
    6.6.1). Asked without credentials: whoever answers tells the time.
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
