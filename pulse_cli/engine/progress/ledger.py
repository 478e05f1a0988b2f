"""The ledger: which records are still open, and up to which position all are done.

Guarantees:
- The watermark is the position up to which every record is resolved. It never passes an open
  ticket and never moves back.
- `on_passed` is called once for each ticket, in input order, when the watermark passes
  it. So what it counts always matches the watermark. If both are saved in one step, a resumed
  run can continue from them.
- `open` is the only back-pressure of a run: it waits while unresolved records hold
  `max_bytes`, or while `max_tickets` lie past the watermark. A record larger than
  `max_bytes` is let in when it is alone.
- The latest open ticket of a key is known, so that a later version of a page can wait
  for the earlier one.

A ticket that ends in a dead letter holds its bytes until the watermark passes it, because
its dead letter is in memory until then.

Everything happens on the event loop; nothing here is thread-safe. The idea is that of
Kafka Connect's SubmittedRecords and Benthos' capped checkpointer: an unresolved offset
is never committed, and the cap is the same object as the watermark.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pulse_cli.engine.budget import Drained
from pulse_cli.events import DocumentDone
from pulse_cli.model import Outcome, Position

MAX_TICKETS = 65_536


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a record ended, and what it adds to the run state.

    `outcome` is None for values that are no records. `letter` is the line of a dead letter.
    `seen` is the document key if the crawl still holds the page. `partial` says why the
    crawl may be incomplete. `document` is what observers get.
    """

    outcome: Outcome | None
    reason: str = ""
    chunks: int = 0
    tokens: int = 0
    bytes_text: int = 0
    truncated: int = 0
    letter: bytes | None = None
    seen: str | None = None
    partial: str = ""
    document: DocumentDone | None = None


@dataclass(slots=True, eq=False)
class Ticket:
    """One open record. `earlier` is the ticket of the same key opened before, if open."""

    position: Position
    cost: int
    key: str | None
    earlier: Ticket | None = None
    resolution: Resolution | None = None
    _waiters: list[asyncio.Future[None]] = field(default_factory=list)


class Ledger:
    """See the module docstring."""

    def __init__(
        self,
        on_passed: Callable[[Position, Resolution], None],
        *,
        max_bytes: int,
        max_tickets: int = MAX_TICKETS,
    ) -> None:
        self._on_passed = on_passed
        self._max_bytes = max_bytes
        self._max_tickets = max_tickets
        self._tickets: deque[Ticket] = deque()
        self._latest: dict[str, Ticket] = {}
        self._bytes = 0
        self._room: asyncio.Future[None] | None = None
        self._drained = False

    @property
    def open_bytes(self) -> int:
        return self._bytes

    @property
    def open_tickets(self) -> int:
        """Tickets past the watermark, resolved or not."""
        return len(self._tickets)

    def is_full(self, cost: int) -> bool:
        """Whether `open` would wait now."""
        if len(self._tickets) >= self._max_tickets:
            return True
        return self._bytes > 0 and self._bytes + cost > self._max_bytes

    async def open(self, position: Position, cost: int, key: str | None = None) -> Ticket:
        """Wait for room, then open a ticket. To be called in input order, by one reader."""
        while self.is_full(cost):
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        ticket = Ticket(position, cost, key)
        self._tickets.append(ticket)
        self._bytes += cost
        if key is not None:
            ticket.earlier = self._latest.get(key)
            self._latest[key] = ticket
        return ticket

    async def wait_for_earlier(self, ticket: Ticket) -> None:
        """Wait until every earlier version of the page is resolved.

        Raises Drained when the run is to stop, because the earlier version may stay open then.
        """
        earlier = ticket.earlier
        if earlier is None or earlier.resolution is not None:
            return
        if self._drained:
            raise Drained
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        earlier._waiters.append(future)
        await future

    def drain(self) -> None:
        """End all waiting for earlier versions, with Drained."""
        self._drained = True
        for ticket in self._tickets:
            for waiter in ticket._waiters:
                if not waiter.done():
                    waiter.set_exception(Drained())

    def resolve(self, ticket: Ticket, resolution: Resolution) -> None:
        """End `ticket`, and move the watermark over all that is resolved in order."""
        assert ticket.resolution is None, "a record has exactly one outcome"
        assert ticket.earlier is None or ticket.earlier.resolution, "versions end in input order"
        ticket.resolution = resolution
        if resolution.letter is None:
            self._bytes -= ticket.cost
        if ticket.key is not None and self._latest.get(ticket.key) is ticket:
            del self._latest[ticket.key]
        ticket.earlier = None  # breaks the chain: memory stays bounded
        for waiter in ticket._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._pass_resolved()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _pass_resolved(self) -> None:
        while self._tickets and (resolution := self._tickets[0].resolution) is not None:
            ticket = self._tickets.popleft()
            if resolution.letter is not None:
                self._bytes -= ticket.cost
            self._on_passed(ticket.position, resolution)
