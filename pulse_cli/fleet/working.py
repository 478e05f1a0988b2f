"""A worker, from its settings to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.app.memory import tune_memory
from pulse_cli.engine import SystemClock
from pulse_cli.events import NullObserver
from pulse_cli.fleet.board import PRIORITIES
from pulse_cli.fleet.job_runner import JobRunner
from pulse_cli.fleet.queue_worker import QueueWorker, in_thread
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.ports import Observer


def work(
    settings: Settings,
    address: str,
    *,
    name: str,
    priorities: Sequence[str] = PRIORITIES,
    burst: bool = False,
    observer: Observer | None = None,
) -> None:
    """Carry out jobs until a signal comes, or with `burst` until there are none.

    Blocking; for the main thread, which gets the signals. Raises redis' errors, Fatal.
    """
    observer = observer or NullObserver()
    tune_memory()
    in_thread(lambda loop: _work(loop, settings, address, name, priorities, burst, observer))


def _work(
    loop: asyncio.AbstractEventLoop,
    settings: Settings,
    address: str,
    name: str,
    priorities: Sequence[str],
    burst: bool,
    observer: Observer,
) -> None:
    clock = SystemClock()
    services = Services(settings, observer, clock)
    try:
        worker = QueueWorker(
            address,
            list(priorities),
            name=name,
            lease_seconds=settings.fleet.lost_after,
            runner=JobRunner(services, name, clock, observer),
            loop=loop,
            observer=observer,
        )
        worker.work(burst=burst, logging_level="ERROR")
    finally:
        asyncio.run_coroutine_threadsafe(services.__aexit__(), loop).result(timeout=30)
