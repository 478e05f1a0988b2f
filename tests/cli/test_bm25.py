"""`pulse bm25` and the rank-bm25 engine on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rank_bm25 import BM25Okapi

from tests.cli.conftest import Pulse

VIEW = ("--set", "bm25.engine=rank-bm25")


def test_the_view_is_made_by_index_and_scores_as_the_package(
    pulse: Pulse, home: Path, handbook: Path, tei: str
) -> None:
    done = pulse("index", str(handbook), "--tei", tei, "--json", *VIEW)
    assert done.code == 0, done.err
    found = pulse("search", "--mode", "bm25", "backup restore", "--json", *VIEW)
    assert found.code == 0, found.err
    results = found.json["results"]
    assert results
    file = home / "work" / "index.pkl"
    exported = pulse("bm25", "export", str(file))
    assert exported.code == 0, exported.err
    # Loading a pickle is for the original service only; here it is done by another process.
    load = "import json, pickle, sys; print(json.dumps(pickle.load(open(sys.argv[1], 'rb'))))"
    text = subprocess.run(
        [sys.executable, "-c", load, str(file)], capture_output=True, check=True, text=True
    ).stdout
    layout = json.loads(text)
    assert set(layout) == {"corpus", "tokenized_corpus", "metadata"}
    scores = BM25Okapi(layout["tokenized_corpus"]).get_scores(["backup", "restore"])
    by_url = {
        metadata["canonical_url"]: score
        for metadata, score in zip(layout["metadata"], scores, strict=True)
    }
    for result in results:
        key = result["metadata"]["canonical_url"]
        assert abs(result["score"] - by_url[key]) < 1e-9
    assert results[0]["score"] == max(r["score"] for r in results)


def test_a_view_is_rebuilt_by_delete(pulse: Pulse, handbook: Path, tei: str) -> None:
    pulse("index", str(handbook), "--tei", tei, *VIEW)
    query = ("search", "--mode", "bm25", "backup", "--json", *VIEW)
    first = pulse(*query).json["results"][0]["url"]
    assert pulse("delete", first, *VIEW).code == 0
    assert first not in [one["url"] for one in pulse(*query).json["results"]]


def test_without_a_view_the_command_that_makes_it_is_named(
    pulse: Pulse, handbook: Path, tei: str
) -> None:
    pulse("index", str(handbook), "--tei", tei)
    missing = pulse("search", "--mode", "bm25", "backup", *VIEW)
    assert missing.code == 1
    assert "pulse bm25 rebuild" in missing.err
    assert pulse("bm25", "rebuild").out.startswith("41 pages in the view ")
    assert pulse("search", "--mode", "bm25", "backup", *VIEW).code == 0
