"""`pulse export`: what is written can be indexed again, and is all that the index holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulse_cli.cli.export_rows import Parquet
from tests.cli.conftest import Pulse, meta

Pages = list[dict[str, Any]]


@pytest.fixture
def indexed(pulse: Pulse, home: Path, tei: str) -> Pages:
    """Pages as they were indexed into the default index."""
    path = home / "work" / "pages.jsonl"
    pages: Pages = [
        {
            "markdown": f"# Page {n}\n\n" + f"Tea {n} is hot. " * (n * 150 + 1),
            "metadata": meta(f"p{n}", f"P{n}"),
        }
        for n in range(5)
    ]
    pages[4]["metadata"]["url"] = "https://other.example/x"
    path.write_text("".join(json.dumps(page) + "\n" for page in pages))
    assert pulse("index", str(path), "--tei", tei, "-q").code == 0
    return pages


def test_pages_come_back_as_they_went_in(
    pulse: Pulse, indexed: Pages, home: Path, tei: str
) -> None:
    ran = pulse("export")
    assert ran.code == 0, ran.err
    pages = {page["metadata"]["url"]: page for page in map(json.loads, ran.out.splitlines())}
    assert len(pages) == len(indexed)
    assert pages["https://other.example/x"]["metadata"]["title"] == "P4"
    for page in indexed:
        found = pages[page["metadata"]["url"]]
        assert found["markdown"].split() == str(page["markdown"]).split()
    file = home / "again.jsonl"
    file.write_text(ran.out)
    again = pulse("index", str(file), "--tei", tei, "--collection", "again", "--json")
    assert again.json["documents"]["indexed"] == 5
    second = pulse("export", "again")
    first, last = (
        sorted(json.loads(line)["markdown"] for line in text.splitlines())
        for text in (ran.out, second.out)
    )
    assert first == last


def test_chunks_with_and_without_vectors(pulse: Pulse, indexed: Pages, home: Path) -> None:
    bare = [json.loads(line) for line in pulse("export", "--chunks").out.splitlines()]
    file = home / "chunks.jsonl"
    ran = pulse("export", "--chunks", "--vectors", "-o", str(file))
    assert ran.code == 0, ran.err
    assert f"{len(bare)} chunks written" in ran.err
    whole = [json.loads(line) for line in file.read_text().splitlines()]
    assert {one["id"]: one["payload"] for one in whole} == {o["id"]: o["payload"] for o in bare}
    assert all(sum(x * x for x in one["vector"]) == pytest.approx(1, abs=1e-3) for one in whole)
    assert len(bare) > len(indexed)


def test_a_filter_and_a_file_that_is_not_ours(pulse: Pulse, indexed: Pages, home: Path) -> None:
    some = pulse("export", "--filter", "domain=other.example").out.splitlines()
    assert [json.loads(line)["metadata"]["url"] for line in some] == ["https://other.example/x"]
    file = home / "letter.jsonl"
    file.write_text("dear all\n")
    ran = pulse("export", "-o", str(file))
    assert ran.code == 2
    assert file.read_text() == "dear all\n"
    own = home / "pages.jsonl"
    for _ in range(2):
        assert pulse("export", "-o", str(own)).code == 0
    assert len(own.read_text().splitlines()) == len(indexed)
    assert pulse("export", "--vectors").code == 2
    assert pulse("export", "nowhere").code == 1


def test_parquet_holds_the_same(pulse: Pulse, indexed: Pages, home: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for flags, rows in ((["--chunks", "--vectors"], None), ([], len(indexed))):
        file = home / f"x{len(flags)}.parquet"
        ran = pulse("export", "-o", str(file), *flags)
        assert ran.code == 0, ran.err
        table = parquet.read_table(file)
        assert "url" in table.column_names
        wanted = rows or len(pulse("export", "--chunks").out.splitlines())
        assert table.num_rows == wanted


def test_parquet_takes_what_comes_late_and_what_is_of_another_type(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "x.parquet"
    with file.open("wb") as stream:
        writer = Parquet(stream.write)
        writer.write([{"id": 7, "payload": {"text": "a", "isMobile": None}}])
        writer.write([])
        writer.write([{"id": "b", "payload": {"isMobile": True, "chunk_index": "1", "mine": [2]}}])
        writer.finish()
    first, second = parquet.read_table(file).to_pylist()
    assert (first["id"], first["text"], first["isMobile"], first["other"]) == ("7", "a", None, None)
    assert (second["isMobile"], second["chunk_index"]) == (True, None)
    assert json.loads(second["other"]) == {"chunk_index": "1", "mine": [2]}
