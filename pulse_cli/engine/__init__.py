"""Carries groups of documents through the stages, and keeps the state of the run.

The engine knows the stages only through `pulse_cli.ports`; all concurrency is here.
"""

from pulse_cli.engine.clock import SystemClock
from pulse_cli.engine.dry_run import CrawledPages, DryRun, dry_run, look_at_stale
from pulse_cli.engine.progress import run_log
from pulse_cli.engine.progress.run_state import DeadLimit
from pulse_cli.engine.progress.state_files import (
    StateFiles,
    hold_locks,
    hold_target_lock,
    is_locked,
    state_files,
)
from pulse_cli.engine.prune import PruneOptions
from pulse_cli.engine.resume import RunDependencies, RunOptions
from pulse_cli.engine.run import index
from pulse_cli.engine.stop import Stop

__all__ = [
    "CrawledPages",
    "DeadLimit",
    "DryRun",
    "PruneOptions",
    "RunDependencies",
    "RunOptions",
    "StateFiles",
    "Stop",
    "SystemClock",
    "dry_run",
    "hold_locks",
    "hold_target_lock",
    "index",
    "is_locked",
    "look_at_stale",
    "run_log",
    "state_files",
]
