"""What the user is told while a service gives no answer, and when it answers again."""

from __future__ import annotations

from pulse_cli.events import Message, Waiting
from pulse_cli.ports import Observer

EVERY_S = 1.0


class OutageReport:
    """Passes what is waited for on to the observer: at once, then once a second."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._told: Waiting | None = None

    def look(self, now: Waiting | None) -> None:
        """`now` is what is waited for, None while all services answer."""
        told = self._told
        if now is not None and told is not None and now.what == told.what:
            if 0 <= now.waited_s - told.waited_s < EVERY_S:
                return
        elif now is None and told is not None:
            text = f"{told.what} answers again, after {told.waited_s:.0f} s"
            self._observer.on(Message("info", text))
        if now is not None:
            self._observer.on(now)
        self._told = now
