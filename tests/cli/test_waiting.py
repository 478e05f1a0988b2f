"""A service that does not answer: what is waited for is seen, and for how long."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.simulators.faults import Fault
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES
from tests.cli.conftest import Pulse

SENTENCE = re.compile(r"waiting for (.*) \((\S+) s so far, gives up in (\S+) s\): (.*)")


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    ("what", "args"),
    [
        ("the embedder", ["crawl.jsonl", "--tei", "{}"]),
        ("the embedder", ["crawl.jsonl", "--embed", "openai+{}"]),
        ("the store", ["crawl.jsonl", "--qdrant", "{}"]),
        ("Firecrawl", ["firecrawl:crawl/5f-1", "--set", "firecrawl.url={}"]),
    ],
)
def test_at_the_start_until_the_time_given_is_over(
    pulse: Pulse, crawl: Path, nobody: str, what: str, args: list[str]
) -> None:
    named = [arg.format(nobody) for arg in args]
    done = pulse("index", *named, "--give-up-after", "1.5s", "--progress", "plain")
    assert done.code == Exit.UNAVAILABLE, done.err
    found = SENTENCE.search(done.err)
    assert found, done.err
    assert found[1] == what
    assert float(found[2]) + float(found[3]) == pytest.approx(1.5, abs=0.11)
    assert nobody.removeprefix("http://") in found[4]
    assert "waited for 2 s" in done.err or "waited for 1 s" in done.err


@pytest.mark.parametrize("service", ["tei", "qdrant"])
def test_in_the_middle_of_a_run_and_that_it_is_over(
    pulse: Pulse, crawl: Path, service: str
) -> None:
    path = "/embed" if service == "tei" else "/collections/pulse_docs/points"
    with SpawnedSimulator(service, PROFILES["instant"]) as simulator:
        probed = 1  # at the start: the dimension, and which model the index is of
        simulator.set_faults([Fault("status", path=path, status=503, first=probed, count=9)])
        flag = f"--{service}"
        done = pulse("index", "crawl.jsonl", flag, simulator.url, "--progress", "json")
    assert done.code == Exit.DEAD_LETTERS, done.err
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    what = {"tei": "the embedder", "qdrant": "the store"}[service]
    [told, *_] = [line for line in lines if line["event"] == "waiting" and line["what"] == what]
    assert "503" in told["error"]
    assert 590 < told["waited_s"] + told["left_s"] < 610
    texts = [line.get("text", "") for line in lines]
    assert any(f"{what} answers again" in text for text in texts)
