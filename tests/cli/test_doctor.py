"""`pulse doctor`: every finding has its mending command, and nothing makes it hang."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulse_cli.embed.prefixes import wanted
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES
from tests.cli.conftest import Pulse

CLOSED = "http://127.0.0.1:9"
PAGE = {"markdown": "# Tea\n\nWater first.", "metadata": {"url": "https://kitchen.example/tea"}}


def levels(report: dict[str, Any]) -> dict[str, str]:
    return {one["check"]: one["level"] for one in report["findings"]}


def finding(report: dict[str, Any], check: str) -> dict[str, str]:
    return next(one for one in report["findings"] if one["check"] == check)


@pytest.fixture
def qdrant(home: Path) -> Iterator[str]:
    with SpawnedSimulator("qdrant", PROFILES["instant"], folder=home / "qdrant") as simulator:
        yield simulator.url


@pytest.fixture
def index(pulse: Pulse, home: Path, tei: str, qdrant: str) -> tuple[str, ...]:
    """Flags of a collection that holds one page."""
    (home / "work" / "one.jsonl").write_text(json.dumps(PAGE))
    flags = ("--tei", tei, "--qdrant", qdrant)
    assert pulse("index", "one.jsonl", *flags).code == 0
    return flags


def test_all_is_well(pulse: Pulse, index: tuple[str, ...]) -> None:
    report = pulse("doctor", *index, "--json")
    assert report.code == 0, report.out
    assert report.json["ok"]
    assert set(levels(report.json)) >= {
        *("state folder", "state disk", "checkpoints", "embedder", "batch limits"),
        *("chunk size", "tokenizer", "store", "qdrant version", "optimizer"),
    }
    assert set(levels(report.json).values()) == {"ok"}
    assert pulse("doctor", *index).out.endswith("\nAll is well.\n")


def test_services_that_are_down_are_findings(pulse: Pulse) -> None:
    report = pulse("doctor", "--tei", CLOSED, "--qdrant", CLOSED, "--json")
    assert report.code == 1
    found = levels(report.json)
    assert (found["embedder"], found["store"], found["state folder"]) == ("error", "error", "ok")
    assert all(one["mend"] for one in report.json["findings"] if one["level"] != "ok")


def test_before_the_first_run_nothing_is_made(pulse: Pulse, tei: str, qdrant: str) -> None:
    report = pulse("doctor", "--tei", tei, "--qdrant", qdrant)
    assert report.code == 0
    assert "the first `pulse index` creates it" in report.out
    listed = httpx.get(f"{qdrant}/collections", trust_env=False).json()
    assert listed["result"]["collections"] == []


def test_another_dimension_is_an_error(pulse: Pulse, index: tuple[str, ...]) -> None:
    profile = PROFILES["instant"]
    wide = replace(profile, tei=replace(profile.tei, dimension=512))
    with SpawnedSimulator("tei", wide) as other:
        report = pulse("doctor", *index[2:], "--tei", other.url, "--json")
    assert report.code == 1
    assert finding(report.json, "dimension")["message"].endswith(
        "has vectors of 384 dimensions, the embedder of 512"
    )


def test_bulk_mode_left_on_is_told_with_its_cure(
    pulse: Pulse, index: tuple[str, ...], qdrant: str
) -> None:
    collection = f"{qdrant}/collections/pulse_docs"
    httpx.patch(collection, json={"hnsw_config": {"m": 0}}, trust_env=False).raise_for_status()
    report = pulse("doctor", *index, "--json")
    assert report.code == 0
    assert finding(report.json, "bulk mode")["mend"].startswith(f"curl -X PATCH {collection} ")
    body = json.loads(finding(report.json, "bulk mode")["mend"].split("-d ")[1].strip("'"))
    httpx.patch(collection, json=body, trust_env=False).raise_for_status()
    assert "bulk mode" not in levels(pulse("doctor", *index, "--json").json)


def test_prefixes_batches_and_tokenizers_against_the_model(pulse: Pulse, home: Path) -> None:
    profile = PROFILES["instant"]
    model = replace(
        profile.tei,
        model_id="intfloat/e5-small-v2",
        max_client_batch_size=4,
        default_prompt="query: ",
    )
    with SpawnedSimulator("tei", replace(profile, tei=model)) as e5:
        flags = ("doctor", "--tei", e5.url, "--json")
        report = pulse(*flags, "--set", "chunk.max_tokens=5000").json
        found = levels(report)
        for check in ("prefixes", "batch limits", "chunk size", "prompt"):
            assert found[check] == "warning", check
        assert "embed.document_prefix='passage: '" in finding(report, "prefixes")["mend"]
        right = ("--set", "embed.document_prefix=passage: ", "--set", "embed.query_prefix=query: ")
        assert levels(pulse(*flags, *right).json)["prefixes"] == "ok"


def test_an_unfinished_run_is_told_with_its_command(
    pulse: Pulse, home: Path, index: tuple[str, ...]
) -> None:
    (home / "work" / "two.jsonl").write_text((json.dumps(PAGE) + "\n") * 3)
    pulse("index", "two.jsonl", *index, "--limit", "1")
    report = pulse("doctor", *index, "--json")
    assert report.code == 0
    assert finding(report.json, "checkpoint")["mend"].startswith(
        f"pulse index {home}/work/two.jsonl --tei "
    )


def test_a_damaged_checkpoint_and_open_state_are_told(
    pulse: Pulse, home: Path, index: tuple[str, ...]
) -> None:
    folder = home / "state" / "pulse"
    for path in folder.glob("*.ckpt.json*"):
        path.write_text("damaged")
    folder.chmod(0o755)
    report = pulse("doctor", *index, "--json")
    assert report.code == 1
    assert "--restart" in finding(report.json, "checkpoint")["mend"]
    assert finding(report.json, "state folder")["mend"] == f"chmod 700 {folder}"


def test_a_view_that_is_behind_is_told(pulse: Pulse, home: Path, index: tuple[str, ...]) -> None:
    view = ("--set", "bm25.engine=rank-bm25")
    missing = pulse("doctor", *index, *view, "--json")
    assert missing.code == 1
    assert finding(missing.json, "bm25 view")["mend"] == "pulse bm25 rebuild"
    pulse("bm25", "rebuild", *index[2:])
    assert levels(pulse("doctor", *index, *view, "--json").json)["bm25 view"] == "ok"
    other = {**PAGE, "metadata": {"url": "https://kitchen.example/coffee"}}
    (home / "work" / "more.jsonl").write_text(json.dumps(other))
    pulse("index", "more.jsonl", *index)
    assert levels(pulse("doctor", *index, *view, "--json").json)["bm25 view"] == "warning"


@pytest.mark.parametrize(
    ("model", "document", "query"),
    [
        ("intfloat/multilingual-e5-large", "passage: ", "query: "),
        ("intfloat/multilingual-e5-large-instruct", "", "Instruct: "),
        ("Qwen/Qwen3-Embedding-0.6B", "", "Instruct: "),
        ("BAAI/bge-small-en-v1.5", "", "Represent this sentence"),
        ("BAAI/bge-m3", "", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "", ""),
    ],
)
def test_what_models_want(model: str, document: str, query: str) -> None:
    found = wanted(model)
    assert found is not None
    assert found.document == document
    assert found.query.startswith(query)
    assert bool(found.query) == bool(query)
    assert wanted("acme/never-heard-of") is None
