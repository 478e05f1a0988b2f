"""Runs all checks: each part is bounded in time, and none stops another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from pulse_cli.doctor.clocks import clocks
from pulse_cli.doctor.embedder import embedder
from pulse_cli.doctor.finding import Finding, error, of_error
from pulse_cli.doctor.machine import machine
from pulse_cli.doctor.store import store
from pulse_cli.engine.clock import SystemClock
from pulse_cli.errors import PulseError
from pulse_cli.events import NullObserver
from pulse_cli.ports import Clock
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.config import Settings

PATIENCE_S = 1.0
PART_S = 20.0

Tell = Callable[[Finding], None]


async def examine(settings: Settings, tell: Tell, clock: Clock | None = None) -> None:
    """Call `tell` with every finding as it comes. Takes at most about 50 s."""
    clock = clock or SystemClock()
    for finding in machine(settings, clock.time()):
        tell(finding)
    await _bounded("server clock", clocks(settings, clock), tell)
    async with Services(settings, NullObserver(), clock, patience=PATIENCE_S) as services:
        works = await _bounded("embedder", embedder(services), tell)
        dimension = rev = None
        if works:
            dimension = (await services.embedder()).dimension
            rev = (await services.preparer()).rev
        await _bounded("store", store(services, dimension, rev), tell)


async def _bounded(check: str, findings: AsyncIterator[Finding], tell: Tell) -> bool:
    """Pass on the findings that come within 20 s. Returns whether the part came to its end."""
    try:
        async with asyncio.timeout(PART_S):
            async for finding in findings:
                tell(finding)
    except TimeoutError:
        tell(
            error(
                check, f"no answer within {PART_S:g} s", "check whether the service is overloaded"
            )
        )
        return False
    except PulseError as problem:
        tell(of_error(check, problem))
        return False
    return True
