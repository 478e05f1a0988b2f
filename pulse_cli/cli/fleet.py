"""What the command line says of a fleet, and refuses before anything is read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.app.index import Job
    from pulse_cli.cli.index_run import Work
    from pulse_cli.config import Settings

MOST_WORKERS = 256


def by_workers(settings: Settings, job: Job, workers: str | None) -> Work | None:
    """How a job is done by workers; None where no `--workers` and no queue is named.

    Raises Fatal (exit 2) where workers cannot do it.
    """
    if workers is None and settings.queue.url is None:
        return None
    number = _number_of(workers)
    if job.limit is not None:
        raise _usage("--limit counts records in order, and workers read at once", "leave one out")
    if "-" in job.sources:
        raise _usage(
            "standard input is a pipe, and several workers cannot share one",
            "write it to a file first, or leave out --workers and --queue",
        )
    try:
        from pulse_cli.fleet.run import FleetOptions, index_by_workers
    except ImportError as error:
        raise needs_extra(error) from None
    from pulse_cli.app.index import index_sources

    fleet = FleetOptions(number, job.addresses)
    return partial(index_sources, carry_out=partial(index_by_workers, fleet))


def needs_extra(error: ImportError) -> Fatal:
    """The error of a pulse that was installed without what a fleet needs."""
    return _usage(f"workers need the package {error.name}", "install pulse with its extra `fleet`")


def _number_of(workers: str | None) -> int:
    from pulse_cli.wiring import cores

    if workers is None:
        return 0
    if workers == "auto":
        return cores()
    if not workers.isascii() or not workers.isdigit() or not 1 <= int(workers) <= MOST_WORKERS:
        raise _usage(f"--workers {workers}", f"expected `auto` or a number up to {MOST_WORKERS}")
    return int(workers)


def _usage(message: str, hint: str) -> Fatal:
    return Fatal(message, hint=hint, kind=Kind.USAGE)
