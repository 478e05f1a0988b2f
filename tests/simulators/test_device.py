"""Service time: what a device does with given work, read from its own ideal clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pulse_cli.simulators.device import BackendDevice, SlotsDevice
from pulse_cli.simulators.profiles import Backend, Slots

BATCH_S = 0.03


def backend(max_tokens: int, max_requests: int | None = None, **more: object) -> BackendDevice:
    model = Backend(BATCH_S, 0.0, tokenize_s=0.0, tokenize_token_s=0.0, **more)  # type: ignore[arg-type]
    return BackendDevice(model, max_tokens, max_requests)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until it holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("tokens", "device", "batches"),
    [
        ([40, 40, 40, 40], {"max_tokens": 100}, 2),
        ([40, 40, 40, 40], {"max_tokens": 1000}, 1),
        ([40, 40, 40, 40], {"max_tokens": 1000, "max_requests": 1}, 4),
        ([10, 90, 10, 10], {"max_tokens": 120}, 1),
        ([10, 90, 10, 10], {"max_tokens": 120, "padded": True}, 3),
        ([500], {"max_tokens": 100}, 1),
    ],
)
async def test_batches_are_cut_first_in_first_out_by_tokens_and_requests(
    tokens: list[int], device: dict[str, object], batches: int
) -> None:
    simulated = backend(**device)  # type: ignore[arg-type]
    await simulated.run(tokens, 1.0)
    assert simulated.busy_s() == pytest.approx(batches * BATCH_S)


async def test_the_first_runs_alone_the_second_is_frozen_and_the_others_share() -> None:
    simulated = backend(1000)
    timings = await asyncio.gather(*(simulated.run([10], 1.0) for _ in range(5)))
    assert simulated.busy_s() == pytest.approx(3 * BATCH_S)
    assert timings[0].queue_s == pytest.approx(0, abs=1e-9)
    waited = [round(timing.queue_s / BATCH_S) for timing in timings]
    assert waited == [0, 1, 2, 2, 2]


async def test_tokens_take_time_on_the_device() -> None:
    model = Backend(0.001, 1e-5, tokenize_s=0.0, tokenize_token_s=0.0)
    simulated = BackendDevice(model, 10_000, None)
    timing = await simulated.run([400, 600], 1.0)
    assert timing.work_s == pytest.approx(0.011)


async def test_a_text_whose_client_left_the_queue_is_not_computed() -> None:
    simulated = backend(1000)
    tasks = [asyncio.ensure_future(simulated.run([10], 1.0)) for _ in range(4)]
    await until(lambda: simulated.busy_s() > 0)
    tasks[2].cancel()
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert simulated.busy_s() == pytest.approx(2 * BATCH_S)


async def test_slots_serve_so_many_at_once_and_queue_the_others_in_order() -> None:
    simulated = SlotsDevice(Slots(2, 0.02, 0.01))
    timings = await asyncio.gather(*(simulated.run([1], 1.0) for _ in range(5)))
    assert [round(t.queue_s / 0.03) for t in timings] == [0, 0, 1, 1, 2]
    assert simulated.busy_s() == pytest.approx(5 * 0.03)


async def test_a_slow_fault_stretches_the_work() -> None:
    simulated = SlotsDevice(Slots(1, 0.01))
    assert (await simulated.run([1], 3.0)).work_s == pytest.approx(0.03)


async def test_busy_time_counts_from_the_reset() -> None:
    simulated = SlotsDevice(Slots(1, 0.01))
    await simulated.run([1], 1.0)
    simulated.reset()
    assert simulated.busy_s() == 0
    await simulated.run([1], 1.0)
    assert simulated.busy_s() == pytest.approx(0.01)
