"""The baseline: what it charges for, and that it indexes what it says."""

from __future__ import annotations

import pytest

from pulse_cli.bench.baseline import (
    BM25_S,
    CHUNK_S,
    CLEAN_S,
    RECORDS_S,
    ChunksOf,
    in_flight_of,
    run_baseline,
)
from pulse_cli.bench.simulated import simulated
from pulse_cli.model import Document
from pulse_cli.simulators.profiles import PROFILES


def test_names() -> None:
    assert in_flight_of("sequential") == 1
    assert in_flight_of("gather:16") == 16


@pytest.mark.parametrize("name", ["", "gather", "gather:", "gather:0", "gather:x", "all"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="gather:N"):
        in_flight_of(name)


@pytest.mark.parametrize("name", ["sequential", "gather:3"])
def test_every_page_is_embedded_stored_and_charged_for(name: str) -> None:
    text = "# Keys\n\nRotate the keys every month and write down who did it.\n\n" * 80
    documents = [Document(f"https://example.com/{n}", text) for n in range(3)]
    chunks_of = ChunksOf(32, 8)
    profile = PROFILES["instant"]
    with simulated(profile) as services:
        done = run_baseline(name, iter(documents), chunks_of, profile, services.urls, 60)
        tei, qdrant = services.look()
    chunks = sum(len(chunks_of(document)) for document in documents)
    assert chunks > 3 * 32  # more than one request a page
    assert (done.documents, done.chunks) == (3, chunks)
    assert tei["inputs"] == qdrant["points"] == chunks
    assert tei["errors"] == qdrant["errors"] == 0
    alone = CLEAN_S + CHUNK_S + BM25_S  # what two pages cannot spend at once
    assert done.seconds >= 3 * alone + RECORDS_S
