"""`pulse crawl` against a simulated Firecrawl, over TCP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.cli.commands.crawl import crawl_request
from pulse_cli.cli.exit_codes import Exit
from pulse_cli.errors import Fatal
from pulse_cli.simulators.process import SpawnedSimulator
from tests.cli.conftest import Pulse, meta

SITE = "https://kitchen.example/"
NAMES = ["tea", "soup", "bread", "salad", "stew", "cake"]


class Firecrawl:
    """A simulated Firecrawl and what it was set to."""

    def __init__(self, simulator: SpawnedSimulator) -> None:
        self.url = simulator.url
        self._simulator = simulator

    @property
    def crawls(self) -> int:
        return int(self._simulator.stats()["crawls"])

    def site(self, *names: str, **failed: str) -> None:
        pages: list[dict[str, Any]] = [
            {"markdown": f"# {name.title()}\n\nHow to make {name}.", "metadata": meta(name, name)}
            for name in names
        ]
        pages += [{"url": f"{SITE}{name}", "error": error} for name, error in failed.items()]
        self._send("PUT", "/_site", pages)

    def pace(self, pages: int, stop_at: int | None = None) -> None:
        self._send("POST", "/_pace", {"pages": pages, "stop_at": stop_at})

    def _send(self, method: str, path: str, value: Any) -> None:
        data = json.dumps(value).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            assert answer.status == 200


@pytest.fixture
def firecrawl(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Firecrawl]:
    with SpawnedSimulator("firecrawl") as simulator:
        monkeypatch.setenv("PULSE_FIRECRAWL__URL", simulator.url)
        simulated = Firecrawl(simulator)
        simulated.site(*NAMES)
        simulated.pace(2)
        yield simulated


@pytest.fixture
def line(tei: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PULSE_EMBED__URL", tei)
    return ["crawl", SITE, "--json"]


def stored(pulse: Pulse) -> list[str]:
    return sorted(pulse("ls", "pulse_docs", "--urls").out.split())


def test_a_site_is_crawled_and_indexed(pulse, firecrawl, line):
    done = pulse(*line)
    assert done.code == Exit.OK, done.err
    assert done.json["status"] == "complete"
    assert done.json["documents"]["indexed"] == 6
    assert stored(pulse) == sorted(SITE + name for name in NAMES)
    again = pulse(*line).json
    assert again["documents"] == {**done.json["documents"], "indexed": 0, "unchanged": 6}
    assert again["sources"] != done.json["sources"]
    assert firecrawl.crawls == 2


def test_a_killed_crawl_goes_on_with_the_same_crawl(pulse, firecrawl, line, home: Path):
    firecrawl.pace(2, stop_at=4)
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_cli", *line], stdout=subprocess.DEVNULL, stderr=-3
    )
    state = home / "state" / "pulse"
    deadline = time.monotonic() + 60
    while not any(saw(path, 4) for path in state.glob("*.ckpt.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert pulse(*line, "--limit", "3").code == Exit.OK  # another one
    indexed = len(stored(pulse))
    firecrawl.pace(2)
    done = pulse(*line)
    assert done.code == Exit.OK, done.err
    assert (indexed, done.json["documents"]["indexed"], done.json["records"]) == (4, 6, 6)
    assert firecrawl.crawls == 2
    assert "goes on with the crawl" in done.err
    assert stored(pulse) == sorted(SITE + name for name in NAMES)


def saw(checkpoint: Path, records: int) -> bool:
    return bool(json.loads(checkpoint.read_text().splitlines()[0])["counts"]["indexed"] == records)


def test_pages_that_are_gone_are_pruned_but_not_those_that_only_failed(pulse, firecrawl, line):
    assert pulse(*line).code == Exit.OK
    firecrawl.site("tea", "soup", "bread", salad="timed out", stew="timed out")
    refused = pulse(*line, "--prune", "--set", "run.max_prune=0")
    assert refused.code == Exit.REFUSED
    hint = refused.json["error"]["hint"]
    again = hint.partition("if they are really gone: pulse ")[2]
    assert pulse(*again.split()).code == Exit.OK
    assert stored(pulse) == sorted(SITE + name for name in NAMES if name != "cake")
    assert firecrawl.crawls == 2


def test_a_crawl_that_met_its_limit_prunes_nothing(pulse, firecrawl, line):
    assert pulse(*line).code == Exit.OK
    done = pulse(*line, "--limit", "2", "--prune", "--yes")
    assert done.code == Exit.REFUSED
    assert "its limit of 2 pages" in done.json["error"]["message"]
    assert len(stored(pulse)) == 6


def test_a_crawl_that_firecrawl_forgot_is_started_anew(pulse, firecrawl, line, home: Path):
    firecrawl.pace(1, stop_at=1)
    assert pulse(*line, "--give-up-after", "4").code == Exit.UNAVAILABLE
    (begun,) = (home / "state" / "pulse").glob("*.begun.json")
    begun.write_text(json.dumps({"begun": "2026-01-01T00:00:00Z", "crawl_id": "lost"}))
    firecrawl.pace(6)
    done = pulse(*line)
    assert done.code == Exit.OK, done.err
    assert "no longer keeps the crawl lost" in done.err
    assert not begun.exists()


def test_nothing_is_started_that_could_not_be_indexed(pulse, firecrawl, line, monkeypatch):
    monkeypatch.setenv("PULSE_EMBED__URL", "http://127.0.0.1:9")
    done = pulse(*line, "--give-up-after", "0.1")
    assert done.code == Exit.UNAVAILABLE
    assert done.json["resume"].startswith(f"pulse crawl {SITE} ")
    assert firecrawl.crawls == 0


def test_a_firecrawl_that_is_down_is_named(pulse, line):
    done = pulse(*line, "--firecrawl", "http://127.0.0.1:9", "--give-up-after", "3")
    assert done.code == Exit.UNAVAILABLE
    assert "Firecrawl at http://127.0.0.1:9" in done.json["error"]["message"]


def test_options_are_passed_through():
    options = ["scrapeOptions.waitFor=500", "scrapeOptions.proxy=stealth", "maxDiscoveryDepth=3"]
    assert crawl_request(SITE, 5, ["^/a"], ["^/b", "c"], options) == {
        "url": SITE,
        "limit": 5,
        "includePaths": ["^/a"],
        "excludePaths": ["^/b", "c"],
        "maxDiscoveryDepth": 3,
        "scrapeOptions": {"waitFor": 500, "proxy": "stealth", "formats": ["markdown"]},
    }
    raw = crawl_request(SITE, None, None, None, ['scrapeOptions={"formats": ["rawHtml"]}'])
    assert raw == {"url": SITE, "scrapeOptions": {"formats": ["rawHtml"]}}


@pytest.mark.parametrize(
    ("url", "option", "says"),
    [
        ("kitchen.example", "", "write it with https://"),
        ("ftp://kitchen.example", "", "write it with https://"),
        ("https://me:s3cret@kitchen.example", "", "kept in files"),
        (SITE, "limit", "expected NAME=VALUE"),
        (SITE, "limit=many", "use --limit N"),
        (SITE, "url=https://b.example", "the address is the argument"),
        (SITE, "scrapeOptions=none", "expected an object"),
        (SITE, "scrapeOptions.headers.Cookie=s3cret", "kept in files"),
    ],
)
def test_what_is_not_clear_or_not_safe_is_refused(url, option, says):
    with pytest.raises(Fatal) as caught:
        crawl_request(url, None, None, None, [option] if option else None)
    message = f"{caught.value} {caught.value.hint}"
    assert says in message
    assert "s3cret" not in message
