"""The options of a run: what the engine is told of the settings and the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulse_cli.engine import DeadLimit, PruneOptions, RunOptions
from pulse_cli.events import Target
from pulse_cli.ports import Preparer
from pulse_cli.wiring import cores

if TYPE_CHECKING:
    from pulse_cli.app.index import Job
    from pulse_cli.config import Settings
    from pulse_cli.config.units import Share


def run_options(settings: Settings, job: Job, target: Target, preparer: Preparer) -> RunOptions:
    """The options of the run of `job` with these settings."""
    run = settings.run
    return RunOptions(
        sources=job.sources,
        target=target,
        command=job.command,
        retry_flags=job.retry_flags,
        fingerprint=source_fingerprint(settings),
        force=job.force,
        restart=job.restart,
        report_documents=job.report_documents,
        limit=job.limit,
        on_changed_source=run.on_changed_source
        or ("restart-whole" if job.unattended else "refuse"),
        give_up_after=run.give_up_after,
        concurrency=run.concurrency,
        dead_limit=DeadLimit(share=None) if job.any_dead else _dead_limit(run.max_dead),
        threads=cores(),
        prune=prune_options(settings, job, preparer),
    )


def prune_options(settings: Settings, job: Job, preparer: Preparer) -> PruneOptions | None:
    """How the run prunes, None where it does not."""
    if not job.prune:
        return None
    most = settings.run.max_prune
    return PruneOptions(preparer.key(job.scope), most.records, most.fraction, job.yes)


def source_fingerprint(settings: Settings) -> dict[str, Any]:
    """Settings that decide which records are written; those of `rev` come with the preparer."""
    source = settings.source
    return {
        "source.include": list(source.include),
        "source.exclude": list(source.exclude),
        "source.min_chars": source.min_chars,
        "source.include_errors": source.include_errors,
        "source.map": dict(source.map),
        "source.base_url": source.base_url,
        "source.max_record": source.max_record,
    }


def _dead_limit(share: Share) -> DeadLimit:
    return DeadLimit(count=share.records, share=share.fraction)
