"""An index belongs to the model that made its vectors, whatever their dimension."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pulse_cli.cli.exit_codes import Exit
from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES
from tests.cli.conftest import Pulse


@pytest.fixture
def another() -> Iterator[str]:
    """An embedder of the same dimension with another model."""
    profile = PROFILES["instant"]
    other = replace(profile, tei=replace(profile.tei, model_id="sentence-transformers/another"))
    with SpawnedSimulator("tei", other) as server:
        yield server.url


def test_another_model_of_the_same_dimension_is_refused(
    pulse: Pulse, crawl: Path, tei: str, another: str
) -> None:
    assert pulse("index", "crawl.jsonl", "--tei", tei).code == Exit.DEAD_LETTERS
    for command in (["index", "crawl.jsonl"], ["search", "soup"]):
        done = pulse(*command, "--tei", another)
        assert done.code == Exit.FATAL, done.err
        assert "sentence-transformers/another makes others" in done.err
        assert "--collection" in done.err
    assert pulse("search", "soup", "--tei", tei).code == Exit.OK
    assert pulse("search", "soup", "--mode", "bm25").code == Exit.OK
    elsewhere = pulse("index", "crawl.jsonl", "--tei", another, "--collection", "other")
    assert elsewhere.code == Exit.DEAD_LETTERS, elsewhere.err
