"""The event loop of a command, and the signals that end it.

The first SIGINT or SIGTERM begins a drain. The second ends the process at once: what is in
flight is dropped, and the next start does it again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from pulse_cli.app.memory import tune_memory

if TYPE_CHECKING:
    from pulse_cli.engine import Stop

T = TypeVar("T")

SHOW_CURSOR = "\x1b[?25h\n"


def run_until_signal(work: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
    """Run `work` to its end. Signals reach it through the `Stop` that it gets."""
    from pulse_cli.engine import Stop

    async def main() -> T:
        stop = Stop()
        loop = asyncio.get_running_loop()

        def heard(by: signal.Signals) -> None:
            if stop.requested:
                if sys.stderr.isatty():
                    sys.stderr.write(SHOW_CURSOR)
                    sys.stderr.flush()
                os._exit(128 + by)  # as safe as a kill, which is safe at any moment
            stop.request(by)

        for by in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(by, heard, by)
        return await work(stop)

    tune_memory()
    return run(main())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
