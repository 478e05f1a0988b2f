"""Carries groups of documents through the stages, and keeps the books.

The engine knows the stages only through `pulse_cli.ports`; all concurrency is here.
"""

from pulse_cli.engine import runlog
from pulse_cli.engine.books import DeadLimit
from pulse_cli.engine.clock import SystemClock
from pulse_cli.engine.dryrun import DryRun, Held, dry_run, look_at_stale
from pulse_cli.engine.opening import Parts, RunOptions
from pulse_cli.engine.prune import PruneOptions
from pulse_cli.engine.run import index
from pulse_cli.engine.statefiles import StateFiles, hold_locks, hold_target_lock, state_files
from pulse_cli.engine.stop import Stop

__all__ = [
    "DeadLimit",
    "DryRun",
    "Held",
    "Parts",
    "PruneOptions",
    "RunOptions",
    "StateFiles",
    "Stop",
    "SystemClock",
    "dry_run",
    "hold_locks",
    "hold_target_lock",
    "index",
    "look_at_stale",
    "runlog",
    "state_files",
]
