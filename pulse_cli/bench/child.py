"""The pipeline under measurement, in a process of its own: `python -m pulse_cli.bench.child`.

It runs `pulse_cli.app.index.index_sources`, which is what `pulse index` runs, with an observer
that writes what it is told to standard output, one JSON object per line. So memory is the
pipeline's alone, CPU seconds are its own and those of processes it starts, and start-up
(imports, limits of services, tokenizer) ends where the run says that it has begun. The task is
one JSON object on standard input.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pulse_cli.app.index import Job, index_sources
from pulse_cli.app.loop import run_until_signal
from pulse_cli.app.summary_json import as_object
from pulse_cli.events import Event, Message, Progress, StageStats, Started, Summary
from pulse_cli.ports import Observer

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.engine import Stop

COMMAND = "pulse bench"


def main() -> int:
    """Run the task; exit with 1 where it failed."""
    task: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    settings = _settings(task)
    observer = JsonObserver()
    summary = run_until_signal(lambda stop: _index(settings, task, observer, stop))
    observer.end(summary)
    return summary.status == "failed"


def _index(
    settings: Settings, task: dict[str, Any], observer: Observer, stop: Stop
) -> Coroutine[Any, Any, Summary]:
    sources = tuple(task["sources"])
    if task["bare"]:
        from pulse_cli.bench.bare import index_bare

        return index_bare(settings, sources, COMMAND, observer, stop)
    return index_sources(settings, Job(sources=sources, command=COMMAND), observer, stop)


def _settings(task: dict[str, Any]) -> Settings:
    """Those of the task alone, or (`own`) beneath them the user's file and environment."""
    from pulse_cli.config import load

    flags = {name: ("pulse bench", value) for name, value in task["settings"].items()}
    if task["own"]:
        return load(flags, Path(task["config"]) if task["config"] else None).settings
    return load(flags, environ={"HOME": task["folder"]}, folder=Path(task["folder"])).settings


class JsonObserver:
    """An observer that writes lines of JSON."""

    def on(self, event: Event) -> None:
        match event:
            case Started():
                self.tell("started")
            case Progress(stats=now):
                done = now.documents_done, now.chunks_embedded, now.tokens_embedded
                self.tell("sample", **_sums(*done, now.counts.bytes_text, now.stages))
            case Message(level=level, text=text) if level in ("warning", "error"):
                self.tell("message", level=level, text=text)

    def end(self, summary: Summary) -> None:
        done = summary.documents_done, summary.chunks_embedded, summary.tokens_embedded
        sums = _sums(*done, summary.counts.bytes_text, summary.stages)
        self.tell("end", summary=as_object(summary), **sums)

    def tell(self, kind: str, **more: Any) -> None:
        now = {
            "kind": kind,
            "at": time.monotonic(),
            "cpu_s": _cpu_s(),
            "rss": _rss(),
            "fds": _open_files(),
            "tasks": _tasks(),
        }
        os.write(1, orjson.dumps(now | more) + b"\n")


def _sums(
    documents: int, chunks: int, tokens: int, bytes_text: int, stages: Mapping[str, StageStats]
) -> dict[str, Any]:
    return {
        "documents": documents,
        "chunks": chunks,
        "tokens": tokens,
        "bytes_text": bytes_text,
        "stages": {name: asdict(stage) for name, stage in stages.items()},
    }


def _cpu_s() -> float:
    """Seconds of this process and of those it started, where the system tells of the living."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + _cpu_of_children_s()


def _cpu_of_children_s() -> float:
    ticks = 0
    with suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            for child in (task / "children").read_text().split():
                with suppress(OSError):
                    after_name = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2]
                    ticks += sum(map(int, after_name.split()[11:13]))  # utime, stime: proc(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def _rss() -> int:
    """Bytes of memory held now; 0 where the system does not say it cheaply."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> int:
    """How many descriptors are open; 0 where the system does not list them."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    except OSError:
        return 0


def _tasks() -> int:
    """The asyncio tasks of the run; 0 where its loop has ended."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
