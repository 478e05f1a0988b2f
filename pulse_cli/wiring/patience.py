"""Waits for a service that does not answer yet, and shows that to the user.

Once a second, after the first second, the observer gets what is waited for, why, since when, and
until when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pulse_cli.errors import Transient, Unavailable
from pulse_cli.events import Message, Waiting
from pulse_cli.net.patience import Patience
from pulse_cli.ports import Clock, Observer

T = TypeVar("T")

EVERY_S = 1.0


async def patiently(
    what: str,
    call: Callable[[], Awaitable[T]],
    *,
    seconds: float,
    cut: bool,
    clock: Clock,
    observer: Observer,
) -> T:
    """Repeat a call until there is an answer, for up to `seconds`. Then raises Unavailable.

    With `cut`, a call that is unanswered by then is cancelled; else it keeps its own timeout.
    """
    patience = Patience(seconds, clock.monotonic)
    signs = _Signs(what, patience, observer)
    try:
        async with asyncio.timeout(seconds if cut and seconds else None):
            while True:
                try:
                    return await call()
                except Transient as error:
                    pause = patience.pause(error)
                    if pause is None:
                        raise _given_up(what, patience) from error
                await clock.sleep(pause)
    except TimeoutError:
        raise _given_up(what, patience) from None
    finally:
        signs.end()


def _given_up(what: str, patience: Patience) -> Unavailable:
    error = patience.last_error or f"{what} gave no answer"
    return Unavailable(
        f"{error} (waited for {patience.waited_s:.0f} s)",
        hint="start it, or check its address; `pulse doctor` checks everything"
        " (--give-up-after sets how long to wait)",
    )


class _Signs:
    """Tells the observer once a second that `what` is waited for."""

    def __init__(self, what: str, patience: Patience, observer: Observer) -> None:
        self._what = what
        self._patience = patience
        self._observer = observer
        self._told = False
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._tell)

    def _tell(self) -> None:
        self._told = True
        patience = self._patience
        self._observer.on(
            Waiting(self._what, patience.last_error, patience.waited_s, patience.left_s)
        )
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._tell)

    def end(self) -> None:
        self._timer.cancel()
        if self._told:
            waited = f"{self._patience.waited_s:.0f} s"
            self._observer.on(Message("debug", f"waited {waited} for {self._what}"))
