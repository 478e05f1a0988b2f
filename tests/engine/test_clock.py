"""The real clock on the loop that the command runs on."""

from __future__ import annotations

import asyncio
import time

import pytest

from pulse_cli.app.loop import run
from pulse_cli.engine.clock import SystemClock


async def slept_short(seconds: float) -> float:
    """By how much a sleep ended early."""
    began = time.monotonic()
    await SystemClock().sleep(seconds)
    return seconds - (time.monotonic() - began)


def test_no_sleep_ends_early() -> None:
    """Timers of uvloop do, by up to 1.5 ms: whoever then looked at the clock waited for ever."""
    pytest.importorskip("uvloop", reason="there is no uvloop on Windows")

    async def main() -> list[float]:
        return await asyncio.gather(*(slept_short(0.002 + n * 7e-5) for n in range(1000)))

    assert max(run(main())) <= 0


def test_a_sleep_of_nothing_lets_others_go_on() -> None:
    async def main() -> list[str]:
        order: list[str] = []

        async def other() -> None:
            order.append("other")

        task = asyncio.ensure_future(other())
        await SystemClock().sleep(0)
        order.append("sleeper")
        await task
        return order

    assert run(main()) == ["other", "sleeper"]
