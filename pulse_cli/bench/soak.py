"""A long run over services that keep failing a little, to see what grows: `soak`.

Pages come through a pipe, so there may be any number of them; every pass over the 4,000
generated pages gives each a new version, so that the store stays of one size and every write
replaces another. One request of a hundred fails, one record of a hundred cannot be read. The
pipeline runs in a process of its own and tells, once a second, its resident memory, open
files and asyncio tasks. By itself: `python -m pulse_cli.bench.soak SECONDS`.

What is reported is a line fitted through the second half of the samples (least squares): a
pipeline in bounded memory has a slope of about 0 MiB per hour.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.events import Event, Progress
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES

if TYPE_CHECKING:
    from pulse_cli.events import Summary

PAGES, MEDIAN_CHARS = 4_000, 2_500
MIB = 1 << 20
EVERY_S = 1.0
SHARE = 0.01
FAILING = (
    Fault("reset", path="/embed", rate=SHARE / 4),
    Fault("status", path="/embed", status=503, rate=SHARE / 4),
    Fault("status", path="/embed", status=429, rate=SHARE / 4),
    Fault("null", path="/embed", rate=SHARE / 4),
)
FAILING_STORE = (
    Fault("reset", path="/collections/", when="after", rate=SHARE / 2),
    Fault("status", path="/collections/", status=503, rate=SHARE / 2),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` in seconds since the run began, `rss` in bytes."""

    at: float
    rss: int
    fds: int
    tasks: int
    documents: int


@dataclass(frozen=True, slots=True)
class SoakResult:
    """What a soak showed. The three ranges are (lowest, highest) of the second half."""

    seconds: float
    documents: int
    records: int
    dead: int
    faults: int
    rss_slope_mib_per_hour: float
    rss_mib: tuple[float, float]
    fds: tuple[int, int]
    tasks: tuple[int, int]
    status: str


def soak(seconds: float, say: Callable[[str], None] = lambda _: None) -> SoakResult:
    """Run for so long, then stop the pipeline by SIGTERM and see that it drains."""
    profile = PROFILES["l4"]
    with (
        tempfile.TemporaryDirectory(prefix="pulse-soak-") as folder,
        SpawnedSimulator("tei", profile) as tei,
        SpawnedSimulator("qdrant", profile) as qdrant,
    ):
        tei.set_faults(FAILING, seed=1)
        qdrant.set_faults(FAILING_STORE, seed=2)
        moments, summary = _run(Path(folder), seconds, (tei.url, qdrant.url), say)
        faults = sum(sum(one.stats()["faults_fired"]) for one in (tei, qdrant))
    return _sum_up(moments, summary, faults)


def _run(
    folder: Path, seconds: float, urls: tuple[str, str], say: Callable[[str], None]
) -> tuple[list[Moment], dict[str, Any]]:
    pipe = folder / "pages.jsonl"
    os.mkfifo(pipe)
    threading.Thread(target=_feed, args=(pipe,), daemon=True).start()
    task = json.dumps({"source": str(pipe), "folder": str(folder), "urls": urls})
    command = [sys.executable, "-m", "pulse_cli.bench.soak", "--child", task]
    moments: list[Moment] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
        assert child.stdout is not None
        stopped = False
        for line in child.stdout:
            told = json.loads(line)
            if "summary" in told:
                return moments, told["summary"]
            moments.append(Moment(**told))
            if len(moments) % 60 == 0:
                say(f"{moments[-1]}")
            if moments[-1].at >= seconds and not stopped:
                child.terminate()
                stopped = True
    raise RuntimeError(f"the pipeline ended with {child.returncode} and no summary")


def _feed(pipe: Path) -> None:
    """Write page after page until the reader is gone."""
    from pulse_cli.bench.prose import pages

    made = list(pages(PAGES, MEDIAN_CHARS))
    with suppress(BrokenPipeError), pipe.open("wb") as file:
        for version in count():
            for number, page in enumerate(made):
                if (number + version) % int(1 / SHARE) == 0:
                    file.write(b'{"markdown": "cut off\n')
                    continue
                text = f"{page.text}\n\nVersion {version}."
                record = {"markdown": text, "metadata": {"url": page.url, "title": page.title}}
                file.write(json.dumps(record).encode() + b"\n")


def _sum_up(moments: Sequence[Moment], summary: dict[str, Any], faults: int) -> SoakResult:
    half = moments[len(moments) // 2 :]
    return SoakResult(
        seconds=moments[-1].at,
        documents=moments[-1].documents,
        records=summary["records"],
        dead=summary["documents"]["dead"],
        faults=faults,
        rss_slope_mib_per_hour=slope([m.at for m in half], [m.rss for m in half]) * 3600 / MIB,
        rss_mib=(min(m.rss for m in half) / MIB, max(m.rss for m in half) / MIB),
        fds=(min(m.fds for m in half), max(m.fds for m in half)),
        tasks=(min(m.tasks for m in half), max(m.tasks for m in half)),
        status=summary["status"],
    )


def soak_page(found: SoakResult) -> str:
    """The same for people."""
    low, high = found.rss_mib
    return "\n".join(
        (
            f"soak: {found.seconds / 60:.1f} min, {found.documents:,} pages, {found.dead:,} dead"
            f" letters, {found.faults:,} faults of the services",
            "  the second half of it:",
            f"  memory      {low:.0f} to {high:.0f} MiB;"
            f" slope {found.rss_slope_mib_per_hour:+.1f} MiB per hour",
            f"  open files  {found.fds[0]} to {found.fds[1]}",
            f"  tasks       {found.tasks[0]} to {found.tasks[1]}",
        )
    )


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Of the least-squares line through the points; 0.0 for fewer than two."""
    mean_x, mean_y = sum(xs) / max(1, len(xs)), sum(ys) / max(1, len(ys))
    spread = sum((x - mean_x) ** 2 for x in xs)
    if not spread:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread


class _Teller:
    """The observer in the child: one line of JSON a second."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._due = 0.0

    def on(self, event: Event) -> None:
        at = time.monotonic() - self._began
        if not isinstance(event, Progress) or at < self._due:
            return
        self._due = at + EVERY_S
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
        moment = Moment(
            at=round(at, 3),
            rss=pages * os.sysconf("SC_PAGE_SIZE"),
            fds=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names are enough
            tasks=len(asyncio.all_tasks()),
            documents=event.stats.documents_done,
        )
        print(json.dumps(asdict(moment)), flush=True)


def _child(task: dict[str, Any]) -> int:
    from pulse_cli.app.index import Job, index_sources
    from pulse_cli.app.loop import run_until_signal
    from pulse_cli.app.summary_json import as_object
    from pulse_cli.config import load

    tei, qdrant = task["urls"]
    values = {"embed.url": tei, "qdrant.url": qdrant, "run.max_dead": "100%"}
    values["state_dir"] = str(Path(task["folder"]) / "state")
    flags = {name: ("soak", value) for name, value in values.items()}
    settings = load(flags, environ={"HOME": task["folder"]}, folder=Path(task["folder"])).settings
    job = Job(sources=(task["source"],), command="soak")
    observer = _Teller()
    summary: Summary = run_until_signal(lambda stop: index_sources(settings, job, observer, stop))
    print(json.dumps({"summary": as_object(summary)}), flush=True)
    return summary.status == "failed"


def main() -> int:
    if sys.argv[1] == "--child":
        return _child(json.loads(sys.argv[2]))
    found = soak(float(sys.argv[1]), lambda text: print(text, file=sys.stderr, flush=True))
    print(json.dumps(asdict(found), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
