"""A storm of overloads in real time: the real command, a server in a process of its own."""

from __future__ import annotations

import json
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import Profile, QdrantModel, Slots, TeiModel
from tests.torture.commands import Running, Zygote

# What the server can do is known and small: 16 requests of 8 texts each half second. It is
# there only for a client that has enough requests of full size in flight.
SERVER = Profile(
    "storm",
    TeiModel(Slots(16, 0.5), dimension=16, max_client_batch_size=8),
    QdrantModel(upsert_s=0.002),
)
BEST = 16 * 8 / 0.5  # chunks per second
STORM = Fault(
    "status",
    path="/embed",
    status=429,
    body='{"error":"Model is overloaded","error_type":"Overloaded"}',
    count=500,
)
PAGES, CHUNKS_PER_PAGE = 2500, 8
SAMPLE_S, WINDOW_S = 0.25, 2.0
RECOVERED, WITHIN_S = 0.9, 30.0


def pages() -> bytes:
    """Each makes about `CHUNKS_PER_PAGE` chunks of 32 tokens."""
    lines = []
    for number in range(PAGES):
        words = " ".join(f"word{n % 7}" for n in range(number % 5, CHUNKS_PER_PAGE * 13))
        metadata = {"url": f"https://site.example/{number}"}
        lines.append(json.dumps({"markdown": words, "metadata": metadata}))
    return "\n".join(lines).encode()


class Watch:
    """What the server says of itself, and its speed over the last window."""

    def __init__(self, tei: SpawnedSimulator) -> None:
        self._tei = tei
        self._seen: deque[tuple[float, int]] = deque(maxlen=round(WINDOW_S / SAMPLE_S) + 1)
        self.speeds: list[float] = []

    def wait(self, until: Callable[[dict[str, Any]], bool], most: float) -> float:
        """Look until it holds; how many seconds that took."""
        began = time.monotonic()
        while not until(self._look()):
            assert time.monotonic() - began < most, f"chunks/s: {self.speeds[-100:]}"
            time.sleep(SAMPLE_S)
        return time.monotonic() - began

    def _look(self) -> dict[str, Any]:
        stats = self._tei.stats()
        self._seen.append((time.monotonic(), stats["inputs"]))
        self.speeds.append(round(self.speed))
        return stats

    @property
    def speed(self) -> float:
        """Chunks per second; 0 until a whole window was seen."""
        if len(self._seen) < (self._seen.maxlen or 0):
            return 0.0
        (first, few), (last, many) = self._seen[0], self._seen[-1]
        return (many - few) / (last - first)


@pytest.fixture
def running(tmp_path: Path) -> Any:
    """The command at work on more than it can do in the time of the test, and its server."""
    source = tmp_path / "pages.jsonl"
    source.write_bytes(pages())
    with (
        SpawnedSimulator("tei", SERVER) as tei,
        SpawnedSimulator("qdrant", SERVER) as qdrant,
        Zygote() as zygote,
    ):
        args = [
            *("index", str(source), "--tei", tei.url, "--qdrant", qdrant.url),
            *("--state-dir", str(tmp_path / "state"), "--json", "--progress", "none"),
        ]
        environment = {"PULSE_CHUNK__MAX_TOKENS": "32", "PULSE_CHUNK__OVERLAP_TOKENS": "0"}
        command = zygote.start(tmp_path, args, environment=environment)
        yield command, tei
        with suppress(ProcessLookupError):  # unless the test has waited for it
            command.signal(signal.SIGKILL)


@pytest.mark.nightly
def test_after_500_overloads_the_speed_is_back_in_30_s(
    running: tuple[Running, SpawnedSimulator], record_property: Callable[[str, Any], None]
) -> None:
    command, tei = running
    watch = Watch(tei)
    watch.wait(lambda _: watch.speed >= RECOVERED * BEST, most=60)
    before = watch.speed
    tei.set_faults([STORM])
    lasted = watch.wait(lambda stats: stats["faults_fired"] == [STORM.count], most=400)
    back = watch.wait(lambda _: watch.speed >= RECOVERED * before, most=2 * WITHIN_S)
    command.signal(signal.SIGTERM)
    ended = command.wait()
    figures = f"{before:.0f} chunks/s, a storm of {lasted:.0f} s, back after {back:.1f} s"
    record_property("storm", figures)
    print(figures)
    assert ended.code == 128 + signal.SIGTERM, ended.stderr
    assert ended.report["documents"]["dead"] == 0
    assert back <= WITHIN_S, figures
