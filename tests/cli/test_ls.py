"""`pulse ls` and `pulse stats`: what is in the index, and a clear word for what is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pulse_cli.cli.overview_page import ages, distribution
from pulse_cli.config import load
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES
from pulse_cli.wiring.places import at
from tests.cli.conftest import Pulse, meta


@pytest.fixture
def qdrant(tmp_path: Path) -> Iterator[str]:
    with SpawnedSimulator("qdrant", PROFILES["instant"], folder=tmp_path / "server") as simulator:
        yield simulator.url


@pytest.fixture
def pages(home: Path) -> Path:
    """Five pages of two hosts and two languages, one of them long."""
    path = home / "work" / "pages.jsonl"
    found = []
    for n in range(5):
        about = meta(f"page{n}", f"Page {n}")
        if n == 4:
            about |= {"url": "https://other.example/x", "language": None}
        text = f"# Page {n}\n\n" + f"word{n} tea. " * (900 if n == 3 else 5)
        found.append({"markdown": text, "metadata": about})
    path.write_text("".join(json.dumps(page) + "\n" for page in found))
    return path


def test_nothing_yet_is_said(pulse: Pulse) -> None:
    ran = pulse("ls")
    assert ran.code == 0
    assert "No collections yet" in ran.out
    assert pulse("ls", "--json").json == {"collections": []}
    for command in (["ls", "tea"], ["stats"], ["ls", "tea", "--urls"]):
        missing = pulse(*command)
        assert missing.code == 1
        assert "there is no index at" in missing.err


def test_collections_here_and_at_the_server(
    pulse: Pulse, pages: Path, tei: str, qdrant: str
) -> None:
    for where in ([], ["--qdrant", qdrant]):
        ran = pulse("index", str(pages), "--tei", tei, "--collection", "tea", "-q", *where)
        assert ran.code == 0, ran.err
    here, there = sorted(
        pulse("ls", "--qdrant", qdrant, "--json").json["collections"],
        key=lambda one: "://" in one["store"],
    )
    assert there["store"] == qdrant
    for one in (here, there):
        assert (one["name"], one["pages"], one["unfinished"]) == ("tea", 5, 0)
        assert one["chunks"] > 5
        assert one["dimension"] > 0
        assert one["bytes"] > 0
        assert len(one["embedders"]) == 1
        assert datetime.fromisoformat(one["last_run"]) <= datetime.now(UTC)
    shown = pulse("ls", "--qdrant", qdrant).out
    assert shown.count("5 in") == 2
    inside = pulse("ls", f"{qdrant}/tea", "--json").json
    assert inside["hosts"] == {"kitchen.example": 4, "other.example": 1}
    assert inside["languages"] == {"en": 4, "": 1}
    assert list(inside["indexed_at"].values()) == [5]
    page = pulse("ls", f"{qdrant}/tea").out
    assert "kitchen.example" in page
    assert "today" in page
    urls = pulse("ls", "tea", "--urls").out.split()
    assert sorted(urls)[-1] == "https://other.example/x"
    assert len(urls) == 5


def test_stats_tell_the_sizes_of_chunks(pulse: Pulse, pages: Path, tei: str) -> None:
    assert pulse("index", str(pages), "--tei", tei, "-q").code == 0
    told = pulse("stats", "--json").json
    assert (told["pages"], told["hosts"], told["languages"], told["runs"]) == (5, 2, 2, 1)
    sizes = told["chunk_tokens"]
    assert sizes["min"] <= sizes["median"] <= sizes["max"]
    assert sum(count for _, _, count in sizes["histogram"]) == told["chunks"]
    assert "tokens per chunk" in pulse("stats").out


def test_a_name_that_is_none_is_a_wrong_argument(pulse: Pulse) -> None:
    for name in ("..", "ftp://host/x", "http://"):
        ran = pulse("ls", name)
        assert ran.code == 2, ran.err
        assert "names no collection" in ran.err


def test_a_key_is_not_sent_to_another_server(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:

    settings = load(
        {}, None, {"PULSE_QDRANT__URL": "http://a:1", "PULSE_QDRANT__API_KEY": "k"}
    ).settings
    mine, other = at(settings, "http://a:1/x").qdrant, at(settings, "http://u:p@b:1/x").qdrant
    assert mine.api_key is not None
    assert other.api_key is None
    assert (other.url, other.collection) == ("http://b:1", "x")
    assert other.basic_auth is not None


def test_a_distribution_holds_all_chunks() -> None:
    found = distribution({1: 2, 100: 5, 799: 3})
    assert found is not None
    assert (found["min"], found["median"], found["max"]) == (1, 100, 799)
    assert sum(count for _, _, count in found["histogram"]) == 10
    assert distribution({}) is None


def test_ages_are_counted_from_now() -> None:
    now = datetime(2026, 5, 10, tzinfo=UTC)
    dates = {"2026-05-09T12:00:00+00:00": 1, "2026-05-05": 2, "2020-01-01T00:00:00": 4, "x": 8}
    assert ages(dates, now) == {"today": 1, "this week": 2, "older": 4, "?": 8}
