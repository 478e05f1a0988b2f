"""A long run over services that keep failing a little, to see what grows: `soak`.

Pages come through a pipe, so there may be any number of them; every pass over the 4,000
generated pages gives each a new version, so that the store stays of one size and every write
replaces another. One request of a hundred fails, one record of a hundred cannot be read. The
pipeline runs in a process of its own (`bench.child`), which tells its resident memory, open files
and asyncio tasks. By itself: `python -m pulse_cli.bench.soak SECONDS`.

What is reported is a line fitted through the second half of the samples (least squares): a
pipeline in bounded memory has a slope of about 0 MiB per hour.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from pulse_cli.bench.recording import Task, run_once
from pulse_cli.bench.sample import Recording, Sample
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES

PAGES, MEDIAN_CHARS = 4_000, 2_500
MIB = 1 << 20
SAY_EVERY_S = 60.0
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
    """Run for so long, then stop the pipeline by a signal and see that it drains.

    Raises Fatal where the run fails.
    """
    profile = PROFILES["l4"]
    with (
        tempfile.TemporaryDirectory(prefix="pulse-soak-") as folder,
        SpawnedSimulator("tei", profile) as tei,
        SpawnedSimulator("qdrant", profile) as qdrant,
    ):
        tei.set_faults(FAILING, seed=1)
        qdrant.set_faults(FAILING_STORE, seed=2)
        recording = _run(Path(folder), seconds, (tei.url, qdrant.url), say)
        faults = sum(sum(one.stats()["faults_fired"]) for one in (tei, qdrant))
    return _sum_up(recording, faults)


def _run(
    folder: Path, seconds: float, urls: tuple[str, str], say: Callable[[str], None]
) -> Recording:
    pipe = folder / "pages.jsonl"
    os.mkfifo(pipe)
    threading.Thread(target=_feed, args=(pipe,), daemon=True).start()
    tei, qdrant = urls
    settings = {"embed.url": tei, "qdrant.url": qdrant, "run.max_dead": "100%"}
    due = SAY_EVERY_S

    def watch(sample: Sample) -> None:
        nonlocal due
        if (at := sample.at - began) >= due:
            due += SAY_EVERY_S
            say(f"{at:.0f} s: {sample.documents:,} pages, {sample.rss / MIB:.0f} MiB")

    began = time.monotonic()
    return run_once(Task((str(pipe),), folder, settings, seconds), watch=watch)


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


def _sum_up(recording: Recording, faults: int) -> SoakResult:
    half = recording.samples[len(recording.samples) // 2 : -1]  # the end itself holds no tasks
    summary = recording.summary
    return SoakResult(
        seconds=recording.end.at - recording.started.at,
        documents=recording.end.documents,
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


def main() -> int:
    found = soak(float(sys.argv[1]), lambda text: print(text, file=sys.stderr, flush=True))
    print(json.dumps(asdict(found), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
