"""An index as a source of another, aliases, and the old one dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES
from tests.cli.conftest import Pulse, meta


@pytest.fixture
def qdrant(tmp_path: Path) -> Iterator[str]:
    with SpawnedSimulator("qdrant", PROFILES["instant"], folder=tmp_path / "server") as simulator:
        yield simulator.url


@pytest.fixture
def crawled(home: Path) -> Path:
    path = home / "work" / "pages.jsonl"
    pages = [
        {
            "markdown": f"# Page {n}\n\n"
            + "\n\n".join(f"Tea {n}.{k} is hot." for k in range(n * 9)),
            "metadata": meta(f"p{n}", f"Page {n}"),
        }
        for n in range(1, 13)
    ]
    path.write_text("".join(json.dumps(page) + "\n" for page in pages))
    return path


def texts(pulse: Pulse, collection: str, *more: str) -> dict[str, str]:
    lines = pulse("export", collection, *more).out.splitlines()
    pages = [json.loads(line) for line in lines]
    return {page["metadata"]["url"]: page["markdown"] for page in pages}


SMALL = ("--set", "chunk.max_tokens=64", "--set", "chunk.overlap_tokens=8")


@pytest.mark.parametrize("place", ["embedded", "server"])
def test_an_index_is_made_anew_with_other_chunks_and_readers_follow(
    pulse: Pulse, crawled: Path, tei: str, qdrant: str, place: str
) -> None:
    where = ["--qdrant", qdrant] if place == "server" else []
    to_index = ("index", "--tei", tei, "-q", *where)
    first = pulse(*to_index, str(crawled), "--collection", "one", "--alias", "live")
    assert first.code == 0, first.err
    ran = pulse(*to_index, "index:one", "--collection", "two", "--alias", "live", *SMALL, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["documents"]["indexed"] == 12
    one, two, live = (pulse("ls", name, *where, "--json").json for name in ("one", "two", "live"))
    assert two["chunks"] > one["chunks"]
    assert (live["name"], two["aliases"], one["aliases"]) == ("two", ["live"], [])
    assert texts(pulse, "two", *where) == texts(pulse, "one", *where)
    asked = pulse("drop", "one", *where)
    assert asked.code == 2
    assert "--yes" in asked.err
    dropped = pulse("drop", "one", "--yes", "--json", *where)
    assert dropped.json["points"] == one["chunks"]
    assert pulse("ls", "one", *where).code == 1
    assert pulse("drop", "one", "--yes", *where).code == 1
    assert pulse("drop", "live", "--yes", *where).code == 0
    assert pulse("ls", "two", *where, "--json").json["chunks"] == two["chunks"]


def test_making_anew_goes_on_where_it_stopped(pulse: Pulse, crawled: Path, tei: str) -> None:
    assert pulse("index", str(crawled), "--tei", tei, "-q").code == 0
    again = ("index", "index:pulse_docs", "--tei", tei, "--collection", "new", *SMALL, "--json")
    counts: list[Any] = []
    for limit in ("3", "4"):
        ran = pulse(*again, "--limit", limit)
        counts.append(ran.json["records"])
    whole = pulse(*again)
    assert whole.code == 0, whole.err
    assert counts == [3, 7]
    assert whole.json["documents"]["indexed"] == whole.json["records"] == 12
    assert texts(pulse, "new") == texts(pulse, "pulse_docs")


def test_what_cannot_be_is_said(pulse: Pulse, crawled: Path, tei: str) -> None:
    assert pulse("index", str(crawled), "--tei", tei, "-q").code == 0
    own = pulse("index", "index:pulse_docs", "--tei", tei)
    assert own.code == 2
    assert "its own source" in own.err
    missing = pulse("index", "index:nowhere", "--tei", tei, "--collection", "new")
    assert missing.code == 1
    assert "there is no index" in missing.err
    same = pulse("index", str(crawled), "--tei", tei, "--alias", "pulse_docs")
    assert same.code == 2
    taken = pulse("index", str(crawled), "--tei", tei, "--collection", "b", "--alias", "pulse_docs")
    assert taken.code == 1
    assert "name of a collection" in taken.err
