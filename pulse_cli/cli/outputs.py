"""Checks the output files that a user names, before anything is read or written.

A file that pulse did not write is never overwritten, whatever flag names it. Neither is a source,
even under another name. `atomic_file` says how links, devices and pipes are handled.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_cli.atomic_file import check_output
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.config import Settings

IsOwn = Callable[[bytes], bool]
"""Whether these are the first 4 KiB of a file of this kind that pulse wrote."""

_LOG = re.compile(rb'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|\{"time": "')
_METRICS = b"# HELP pulse_"
_REPORT = re.compile(rb'\{\s*"pulse_bench":')
_PLOTS = b"<title>pulse bench</title>"
_PICKLE = re.compile(rb"\x80.{0,24}corpus", re.DOTALL)
_SECTION = re.compile(rb"^#? *(embed|chunk|qdrant|bm25|source|run|search|network|log)\b", re.M)


def is_log(head: bytes) -> bool:
    return bool(_LOG.match(head))


def is_metrics(head: bytes) -> bool:
    return head.startswith(_METRICS)


def is_report(head: bytes) -> bool:
    return bool(_REPORT.match(head))


def is_plots(head: bytes) -> bool:
    return _PLOTS in head


def is_export(head: bytes) -> bool:
    """Also true for the index of the original service, which an export may replace."""
    return bool(_PICKLE.match(head))


def is_pages(head: bytes) -> bool:
    """Whether `pulse export` wrote it: pages or chunks as JSON lines, or Parquet."""
    return head.startswith((b'{"markdown":', b'{"id":', b"PAR1"))


def is_settings(head: bytes) -> bool:
    return bool(_SECTION.search(head))


def check_run_outputs(settings: Settings, sources: Sequence[str]) -> None:
    """Check all output files of an indexing run. Raises Fatal (exit 2)."""
    kinds: dict[Path | None, IsOwn] = {
        settings.log.file: is_log,
        settings.run.metrics_file: is_metrics,
    }
    named = {path: kind for path, kind in kinds.items() if path is not None}
    check_outputs(named, sources, settings.state_folder)
    if settings.log.file is not None and settings.log.file == settings.run.metrics_file:
        raise _refused(f"{settings.log.file} cannot be both log and metrics file")


def check_outputs(
    named: Mapping[Path, IsOwn], sources: Sequence[str] = (), state_folder: Path | None = None
) -> None:
    """Check these files before anything is read. Raises Fatal (exit 2)."""
    for path, is_own in named.items():
        check_output(path, is_own=is_own, sources=sources, state_folder=state_folder)
        if source := _source_that_takes(path, sources):
            raise _refused(f"{path} would be read as part of the source {source}")


def _source_that_takes(path: Path, sources: Sequence[str]) -> str | None:
    """The folder or pattern among the sources that includes a file at `path`."""
    from pulse_cli.read.bytes.inputs import SUFFIXES

    real = os.path.realpath(path)
    name = real.lower().removesuffix(".gz").removesuffix(".zst")
    for source in sources:
        within = os.path.realpath(source)
        if Path(within).is_dir():
            if Path(real).is_relative_to(within) and name.endswith((*SUFFIXES, ".md")):
                return source
        elif glob.has_magic(source) and fnmatch.fnmatch(real, within):
            return source
    return None


def _refused(message: str) -> Fatal:
    return Fatal(message, hint="nothing was read; name another file", kind=Kind.USAGE)
