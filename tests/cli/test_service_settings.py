"""Settings of the services that only show at the services: they arrive there."""

from __future__ import annotations

import json

import httpx
import pytest

from pulse_cli.simulators.process import SpawnedSimulator
from pulse_cli.simulators.profiles import PROFILES


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ((), "512 tokens: the model takes no more (900 asked for)"),
        (("--set", "embed.max_tokens=8191"), "900 tokens; the model takes 8,191"),
    ],
)
def test_a_server_that_tells_no_limit_can_be_helped(pulse, tei, settings, says):
    named = ("--embed", f"openai+{tei}", "--set", "embed.model=m", "--set", "chunk.max_tokens=900")
    found = pulse("doctor", *named, *settings, "--json").json["findings"]
    assert [one["message"] for one in found if one["check"] == "chunk size"] == [says]


def test_a_new_collection_gets_the_shards_asked_for(pulse, home, tei):
    page = {"markdown": "# Tea\n\nWater.", "metadata": {"url": "https://kitchen.example/tea"}}
    (home / "work" / "tea.jsonl").write_text(json.dumps(page))
    with SpawnedSimulator("qdrant", PROFILES["instant"], folder=home / "qdrant") as qdrant:
        named = ("--tei", tei, "--qdrant", qdrant.url, "--set", "qdrant.shards=3")
        assert pulse("index", "tea.jsonl", *named).code == 0
        told = httpx.get(f"{qdrant.url}/collections/pulse_docs", trust_env=False).json()
    assert told["result"]["config"]["params"]["shard_number"] == 3
