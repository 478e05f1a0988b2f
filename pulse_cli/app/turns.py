"""How a command and a running `pulse serve` take turns on one index.

The service holds the lock of its target only while it indexes what has arrived. That takes
moments, or minutes if there is a backlog. So a command that finds the target locked waits for
the next turn instead of ending with exit 11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulse_cli.engine import is_locked
from pulse_cli.events import Message
from pulse_cli.ports import Observer

if TYPE_CHECKING:
    from pulse_cli.config import Settings

TURN_SECONDS = 600.0
INBOX, INBOX_LOCK = "inbox", ".lock"
"""Of the service, below the state folder."""


def turn_wait(settings: Settings, observer: Observer) -> float:
    """Seconds to wait for the lock of the target: run.wait_lock, or more if a service runs."""
    wait = settings.run.wait_lock
    lock = settings.state_folder / INBOX / INBOX_LOCK
    if wait >= TURN_SECONDS or not is_locked(lock):
        return wait
    text = "`pulse serve` is running: waiting while it indexes what has arrived"
    observer.on(Message("debug", text))
    return TURN_SECONDS
