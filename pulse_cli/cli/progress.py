"""Chooses the observers of a run: a live display, lines on stderr, a log file, or none."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from pulse_cli.app.summary_json import failed
from pulse_cli.cli.error_report import error_report_of
from pulse_cli.cli.lines import Lines
from pulse_cli.cli.metrics import MetricsFile
from pulse_cli.cli.outputs import check_run_outputs
from pulse_cli.errors import Fatal, Kind
from pulse_cli.events import Ended, Event, Message
from pulse_cli.ports import Observer

if TYPE_CHECKING:
    from pulse_cli.config import Settings


@dataclass(frozen=True, slots=True)
class Verbosity:
    """`-q` shows errors only, `-v` more messages, `-vv` also details for debugging."""

    quiet: bool = False
    verbose: int = 0

    @property
    def level(self) -> str:
        return "error" if self.quiet else "debug" if self.verbose else "info"


@dataclass(frozen=True, slots=True)
class CompositeObserver:
    """Several observers as one."""

    observers: tuple[Observer, ...]

    def on(self, event: Event) -> None:
        for observer in self.observers:
            observer.on(event)


@contextmanager
def watching(
    settings: Settings, verbosity: Verbosity, sources: tuple[str, ...] = ()
) -> Iterator[Observer]:
    """The observers that the settings ask for. They are closed at the end of the context, and an
    exception that ends it is logged.

    Raises Fatal (exit 2) for a log or metrics file that must not be written.
    """
    check_run_outputs(settings, sources)
    with ExitStack() as stack:
        observers = [_on_stderr(settings, verbosity, stack)]
        if settings.log.file is not None:
            stream = stack.enter_context(_open_log(settings))
            level = "debug" if verbosity.verbose else "info"
            log = Lines(stream, as_json=settings.log.format == "json", level=level)
            observers.append(log)
            stack.enter_context(_heard(log))
        everyone: Observer = CompositeObserver(tuple(observers))
        if settings.run.metrics_file is not None:
            file, collection = settings.run.metrics_file, settings.qdrant.collection
            everyone = MetricsFile(file, collection, sources, everyone)
        try:
            yield everyone
        except BaseException as error:
            report = error_report_of(error)
            everyone.on(Ended(failed(report.kind, report.message, report.hint)))
            raise


def speaks_json(settings: Settings) -> bool:
    """Whether stderr carries only JSON objects."""
    return _mode(settings) == "json"


def _mode(settings: Settings) -> str:
    mode = settings.output.progress
    if mode != "auto":
        return mode
    if sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown", None):
        return "rich"
    return "json" if settings.log.format == "json" else "plain"


def _on_stderr(settings: Settings, verbosity: Verbosity, stack: ExitStack) -> Observer:
    mode = _mode(settings)
    if verbosity.quiet or mode == "none":
        return Lines(sys.stderr, as_json=mode == "json", level="error", page_follows=True)
    if mode == "rich":
        from rich.console import Console

        from pulse_cli.cli.display import Display

        console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        return stack.enter_context(Display(console, debug=bool(verbosity.verbose)))
    return Lines(sys.stderr, as_json=mode == "json", level=verbosity.level, page_follows=True)


def _open_log(settings: Settings) -> TextIO:
    file = settings.log.file
    assert file is not None
    try:
        # 0600, because messages name pages, and a crawl may be private.
        # Non-blocking, because a pipe may have no reader, or one that has stopped.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
        descriptor = os.open(file, flags, 0o600)
    except OSError as error:
        hint = "name a file in a folder that exists and may be written to"
        raise Fatal(
            f"{file}: the log cannot be written: {error.strerror}",
            hint=hint,
            kind=Kind.USAGE,
        ) from None
    return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123


class _Libraries(logging.Handler):
    """Warnings of libraries, as messages."""

    def __init__(self, log: Lines) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.on(Message("warning", f"{record.name}: {record.getMessage()}"))


@contextmanager
def _heard(log: Lines) -> Iterator[None]:
    handler = _Libraries(log)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
