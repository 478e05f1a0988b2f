"""A crawl repeated every night: only what changed is embedded, nothing old is left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES
from tests.cli.conftest import Pulse

PAGES = 12
PARAGRAPH = "Words about a server that is cared for, and of its backups. " * 12


def url(number: int) -> str:
    return f"https://docs.example/page-{number}"


def page(number: int, *, paragraphs: int = 4, title: str = "") -> dict[str, Any]:
    text = "\n\n".join(f"Part {n} of page {number}. {PARAGRAPH}" for n in range(paragraphs))
    return {"markdown": text, "metadata": {"url": url(number), "title": title or f"Page {number}"}}


@dataclass(frozen=True)
class Night:
    """One run's flags and what the services were asked for."""

    pulse: Pulse
    tei: SpawnedSimulator
    qdrant: SpawnedSimulator
    source: Path

    def run(self, records: list[dict[str, Any]], *flags: str) -> dict[str, Any]:
        """Index these records; the summary, with `embedded` texts and `upserted` points."""
        self.source.write_text("".join(json.dumps(one) + "\n" for one in records))
        self.tei.reset()
        self.qdrant.reset()
        services = ("--tei", self.tei.url, "--qdrant", self.qdrant.url)
        done = self.pulse("index", str(self.source), *services, "--json", *flags)
        assert done.out, done.err
        before = self.tei.stats()
        return {
            **done.json,
            "embedded": before["inputs"],
            "upserted": self.qdrant.stats()["points"],
        }

    def points(self) -> list[dict[str, Any]]:
        """Payloads of all points of the collection."""
        answer = httpx.post(
            f"{self.qdrant.url}/collections/pulse_docs/points/scroll",
            json={"limit": 10_000, "with_payload": True},
            trust_env=False,
        )
        return [point["payload"] for point in answer.raise_for_status().json()["result"]["points"]]

    def chunks(self) -> dict[str, list[int]]:
        """Chunk numbers in the store by page."""
        found: dict[str, list[int]] = {}
        for payload in self.points():
            found.setdefault(payload["canonical_url"], []).append(payload["chunk_index"])
        return {key: sorted(numbers) for key, numbers in found.items()}


@pytest.fixture
def night(pulse: Pulse, home: Path) -> Iterator[Night]:
    """The collection holds the twelve pages already."""
    with (
        SpawnedSimulator("tei", PROFILES["instant"]) as tei,
        SpawnedSimulator("qdrant", PROFILES["instant"], folder=home / "qdrant") as qdrant,
    ):
        made = Night(pulse, tei, qdrant, home / "work" / "crawl.jsonl")
        first = made.run([page(n) for n in range(PAGES)])
        assert first["documents"]["indexed"] == PAGES
        assert first["upserted"] == first["chunks"] > PAGES
        yield made


PROBE = 1  # the text by which the dimension of the embedder is found out


def test_nothing_changed_embeds_and_writes_nothing(night: Night) -> None:
    again = night.run([page(n) for n in range(PAGES)])
    assert again["documents"] == {
        "indexed": 0,
        "unchanged": PAGES,
        "superseded": 0,
        "skipped": 0,
        "dead": 0,
    }
    assert (again["embedded"], again["upserted"]) == (PROBE, 0)


def test_a_page_crawled_twice_counts_once_and_its_last_version_stays(night: Night) -> None:
    twice = [page(1), page(2, title="First"), page(3), page(2, title="Last"), page(3)]
    found = night.run(twice)
    assert found["records"] == 5
    assert found["documents"] == {
        "indexed": 1,
        "unchanged": 2,
        "superseded": 2,
        "skipped": 0,
        "dead": 0,
    }
    status = night.pulse("status", "--json").json
    counts = status["runs"][0]["counts"]
    assert (counts["indexed"], counts["superseded"]) == (1, 2)
    done = night.pulse(
        "index", str(night.source), "--tei", night.tei.url, "--qdrant", night.qdrant.url
    )
    assert "superseded by a later version in the input" in done.err


def test_another_machine_knows_as_much(night: Night, tmp_path: Path) -> None:
    """No local state: a lost state folder and a second machine are the same."""
    again = night.run([page(n) for n in range(PAGES)], "--state-dir", str(tmp_path / "elsewhere"))
    assert again["documents"]["unchanged"] == PAGES
    assert (again["embedded"], again["upserted"]) == (PROBE, 0)


def test_a_new_title_writes_that_page_only(night: Night) -> None:
    before = night.chunks()
    records = [page(n, title="Renamed" if n == 5 else "") for n in range(PAGES)]
    again = night.run(records)
    assert again["documents"]["indexed"] == 1
    assert again["upserted"] == len(before[url(5)])
    titles = {one["title"] for one in night.points() if one["canonical_url"] == url(5)}
    assert titles == {"Renamed"}
    assert night.chunks() == before


@pytest.mark.parametrize("paragraphs", [1, 2, 9])
def test_a_changed_page_leaves_no_old_chunk(night: Night, paragraphs: int) -> None:
    records = [page(n, paragraphs=paragraphs if n == 3 else 4) for n in range(PAGES)]
    again = night.run(records)
    assert again["documents"] == {
        "indexed": 1,
        "unchanged": 11,
        "superseded": 0,
        "skipped": 0,
        "dead": 0,
    }
    mine = night.chunks()[url(3)]
    assert mine == list(range(again["chunks"]))
    texts = [one["text"] for one in night.points() if one["canonical_url"] == url(3)]
    assert not any(f"Part {paragraphs} " in text for text in texts)
    assert {one["chunk_count"] for one in night.points() if one["canonical_url"] == url(3)} == {
        len(mine)
    }


def test_other_settings_write_all_pages_anew(night: Night) -> None:
    again = night.run([page(n) for n in range(PAGES)], "--set", "chunk.max_tokens=64")
    assert again["documents"]["indexed"] == PAGES
    assert len({one["rev"] for one in night.points()}) == 1
    chunks = night.chunks()
    assert sum(map(len, chunks.values())) == again["chunks"] == again["upserted"]
    assert all(numbers == list(range(len(numbers))) for numbers in chunks.values())


def test_force_embeds_what_is_unchanged(night: Night) -> None:
    before = night.chunks()
    again = night.run([page(n) for n in range(PAGES)], "--force")
    assert again["documents"]["indexed"] == PAGES
    assert again["embedded"] == again["chunks"] + PROBE
    assert night.chunks() == before


def test_pages_that_are_gone_are_pruned_and_deleted(night: Night) -> None:
    services = ("--qdrant", night.qdrant.url)
    night.source.write_text("".join(json.dumps(page(n)) + "\n" for n in range(1, PAGES)))
    shown = night.pulse("index", str(night.source), *services, "--prune", "--dry-run", "--json")
    assert shown.code == 0, shown.err
    assert shown.json["prune"]["urls"] == [url(0)]
    assert len(night.chunks()) == PAGES, "a dry run only looks"

    done = night.run([page(n) for n in range(1, PAGES)], "--prune")
    assert (done["exit_code"], done["pruned"]) == (0, 1)
    assert set(night.chunks()) == {url(n) for n in range(1, PAGES)}

    halved = night.run([page(n) for n in range(6)], "--prune")
    assert (halved["exit_code"], halved["pruned"]) == (Exit.REFUSED, 0)
    assert halved["error"]["kind"] == "prune-refused"
    more = night.run([page(n) for n in range(6)], "--prune", "--max-prune", "60%")
    assert (more["exit_code"], more["pruned"]) == (0, 6)
    yes = night.run([page(n) for n in range(2)], "--prune", "--yes")
    assert (yes["exit_code"], yes["pruned"]) == (0, 4)

    left = night.chunks()[url(1)]
    deleted = night.pulse(
        "delete", "HTTPS://Docs.example/page-1?utm_source=x#y", url(77), *services, "--json"
    )
    assert deleted.code == 1, "one of the two was not there"
    assert deleted.json == {
        "pages": 1,
        "points": len(left),
        "urls": {url(1): len(left), url(77): 0},
    }
    assert set(night.chunks()) == {url(0)}


def test_prune_with_a_limit_is_a_contradiction(night: Night) -> None:
    for flags in (("--prune", "--limit", "2"), ("--scope", url(1)), ("--yes",)):
        assert night.run([page(1)], *flags)["exit_code"] == Exit.USAGE


def test_status_tells_the_runs_and_what_failed(night: Night) -> None:
    night.run([page(1)], "--prune")
    history = night.pulse("status", "--json").json["history"]
    assert [one["exit_code"] for one in history["starts"]] == [0, Exit.REFUSED]
    assert history["failures"] == {"prune-refused": 1}
    assert history["ends"] == {"complete": 1, "prune-refused": 1}
    assert history["stages"]["embed"]["requests"] >= 1
    assert {one["fingerprint"] for one in history["starts"]} == {
        history["starts"][0]["fingerprint"]
    }
    text = night.pulse("status").out
    assert "2 starts in the last 24 hours" in text
    assert "nothing was pruned: the crawl lacks 11 of the 12 pages of docs.example" in text
    assert night.pulse("status", "--hours", "0").out.startswith("No run in the last 0 hours.\n")
