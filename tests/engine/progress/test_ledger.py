"""The ledger against a naive model, and its back-pressure."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pulse_cli.engine.budget import Drained
from pulse_cli.engine.progress.ledger import Ledger, Resolution, Ticket
from pulse_cli.model import Outcome, Position

INDEXED = Resolution(Outcome.INDEXED)


def position(number: int) -> Position:
    return Position(offset=number)


class LedgerAgainstModel(RuleBasedStateMachine):
    """The model: a plain list of (number, resolved)."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.passed: list[int] = []
        self.ledger = Ledger(
            lambda where, _: self.passed.append(where.offset), max_bytes=1000, max_tickets=50
        )
        self.tickets: list[Ticket] = []
        self.resolved: set[int] = set()
        self.keys: list[str | None] = []

    def teardown(self) -> None:
        self.loop.close()

    @property
    def open(self) -> list[int]:
        return [n for n in range(len(self.tickets)) if n not in self.resolved]

    def has_room(self, cost: int) -> bool:
        held = sum(self.tickets[n].cost for n in self.open)
        return len(self.tickets) - len(self.passed) < 50 and (held == 0 or held + cost <= 1000)

    @rule(cost=st.integers(0, 1500), key=st.sampled_from([None, "a", "b", "c"]))
    def open_one(self, cost: int, key: str | None) -> None:
        if not self.has_room(cost):
            return
        number = len(self.tickets)
        ticket = self.loop.run_until_complete(self.ledger.open(position(number), cost, key))
        earlier = [n for n in self.open if key is not None and self.keys[n] == key]
        assert ticket.earlier is (self.tickets[earlier[-1]] if earlier else None)
        self.tickets.append(ticket)
        self.keys.append(key)

    @property
    def resolvable(self) -> list[int]:
        """Open tickets of whose key no earlier one is open."""
        first: dict[str | None, int] = {}
        for n in self.open:
            first.setdefault(self.keys[n], n)
        return [n for n in self.open if self.keys[n] is None or first[self.keys[n]] == n]

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def resolve_one(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.resolvable))
        self.resolved.add(number)
        self.ledger.resolve(self.tickets[number], INDEXED)

    @invariant()
    def watermark_is_just_below_the_first_open_ticket(self) -> None:
        first_open = self.open[0] if self.open else len(self.tickets)
        assert self.passed == list(range(first_open))

    @invariant()
    def bytes_are_those_of_the_open_tickets(self) -> None:
        assert self.ledger.open_bytes == sum(self.tickets[n].cost for n in self.open)
        assert self.ledger.open_tickets == len(self.tickets) - len(self.passed)


TestLedger = LedgerAgainstModel.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


async def test_open_waits_until_bytes_are_free() -> None:
    ledger = Ledger(lambda *_: None, max_bytes=100)
    first = await ledger.open(position(0), 80)
    second = asyncio.ensure_future(ledger.open(position(1), 80))
    await asyncio.sleep(0)
    assert not second.done()
    ledger.resolve(first, INDEXED)
    await second


async def test_a_record_over_the_limit_is_let_in_alone() -> None:
    ledger = Ledger(lambda *_: None, max_bytes=100)
    big = await ledger.open(position(0), 10_000)
    following = asyncio.ensure_future(ledger.open(position(1), 1))
    await asyncio.sleep(0)
    assert not following.done()
    ledger.resolve(big, INDEXED)
    await following


async def test_open_waits_while_one_straggler_holds_the_watermark() -> None:
    ledger = Ledger(lambda *_: None, max_bytes=100, max_tickets=3)
    straggler = await ledger.open(position(0), 0)
    for number in (1, 2):
        ledger.resolve(await ledger.open(position(number), 0), INDEXED)
    fourth = asyncio.ensure_future(ledger.open(position(3), 0))
    await asyncio.sleep(0)
    assert not fourth.done()
    ledger.resolve(straggler, INDEXED)
    await fourth


async def test_a_dead_letter_holds_its_bytes_until_it_is_written() -> None:
    ledger = Ledger(lambda *_: None, max_bytes=100)
    straggler = await ledger.open(position(0), 1)
    dead = await ledger.open(position(1), 50)
    ledger.resolve(dead, Resolution(Outcome.DEAD, "x", letter=b"{}"))
    assert ledger.open_bytes == 51
    ledger.resolve(straggler, INDEXED)
    assert ledger.open_bytes == 0


async def test_a_record_ends_once() -> None:
    ledger = Ledger(lambda *_: None, max_bytes=100)
    ticket = await ledger.open(position(0), 1)
    ledger.resolve(ticket, INDEXED)
    with pytest.raises(AssertionError):
        ledger.resolve(ticket, INDEXED)


async def test_the_later_version_of_a_page_can_wait_for_the_earlier_one() -> None:
    ledger = Ledger(lambda *_: None, max_bytes=100)
    first = await ledger.open(position(0), 1, "page")
    second = await ledger.open(position(1), 1, "page")
    assert second.earlier is first
    waiting = asyncio.ensure_future(ledger.wait_for_earlier(second))
    await asyncio.sleep(0)
    assert not waiting.done()
    ledger.resolve(first, INDEXED)
    await waiting
    third = await ledger.open(position(2), 1, "page")
    assert third.earlier is second


async def test_when_the_run_stops_nobody_waits_for_an_earlier_version() -> None:
    ledger = Ledger(lambda *_: None, max_bytes=100)
    await ledger.open(position(0), 1, "page")
    second = await ledger.open(position(1), 1, "page")
    third = await ledger.open(position(2), 1, "page")
    waiting = asyncio.ensure_future(ledger.wait_for_earlier(second))
    await asyncio.sleep(0)
    ledger.drain()
    with pytest.raises(Drained):
        await waiting
    with pytest.raises(Drained):
        await ledger.wait_for_earlier(third)
