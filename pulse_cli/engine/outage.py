"""The messages to the user while a service gives no answer, and when it answers again."""

from __future__ import annotations

from pulse_cli.events import Message, Waiting
from pulse_cli.ports import Observer

EVERY_S = 1.0


class OutageReport:
    """Tells the observer which service the run waits for: at once, then once a second."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._reported: Waiting | None = None

    def look(self, now: Waiting | None) -> None:
        """`now` is what is waited for, None while all services answer."""
        last = self._reported
        if now is not None and last is not None and now.what == last.what:
            if 0 <= now.waited_s - last.waited_s < EVERY_S:
                return
        elif now is None and last is not None:
            text = f"{last.what} answers again, after {last.waited_s:.0f} s"
            self._observer.on(Message("info", text))
        if now is not None:
            self._observer.on(now)
        self._reported = now
