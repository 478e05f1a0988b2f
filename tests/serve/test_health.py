"""Health: each service asked, in time, seldom, and what the whole amounts to."""

from __future__ import annotations

import asyncio

import pytest

from pulse_cli.serve.health import Health


class SetClock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Asked:
    """A service that answers as it is told, and counts how often it was asked."""

    def __init__(self, answer: bool | Exception | None) -> None:
        self.answer = answer
        self.times = 0

    async def __call__(self) -> bool:
        self.times += 1
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return bool(self.answer)


@pytest.mark.parametrize(
    ("qdrant", "database", "status"),
    [
        (True, True, "healthy"),
        (True, False, "degraded"),
        (False, True, "unhealthy"),
        (OSError("refused"), True, "unhealthy"),
    ],
)
async def test_the_whole_is_as_good_as_what_it_needs(
    qdrant: bool | Exception, database: bool, status: str
) -> None:
    checks = {
        "qdrant": Asked(qdrant),
        "tei": Asked(True),
        "database": Asked(database),
        "redis": None,
    }
    report = await Health(checks, SetClock()).report()
    assert report["status"] == status
    assert report["redis"] == report["services"]["redis"] == "not configured"
    assert report["qdrant"] == ("connected" if qdrant is True else "disconnected")
    assert report["timestamp"]


async def test_it_is_asked_once_in_five_seconds_however_many_want_to_know() -> None:
    clock, asked = SetClock(), Asked(True)
    found = Health({"qdrant": asked}, clock)
    await asyncio.gather(*(found.report() for _ in range(50)))
    assert asked.times == 1
    clock.now += 4.9
    await found.report()
    assert asked.times == 1
    clock.now += 0.2
    asked.answer = False
    assert (await found.report())["status"] == "unhealthy"
    assert asked.times == 2


async def test_a_service_that_does_not_answer_is_not_waited_for() -> None:
    checks = {"qdrant": Asked(None), "tei": Asked(True)}
    report = await Health(checks, SetClock(), patience=0.01).report()
    assert (report["qdrant"], report["tei"]) == ("disconnected", "connected")
