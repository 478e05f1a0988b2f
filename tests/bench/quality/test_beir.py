"""Standard test sets are read as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulse_cli.bench.quality.beir import address, is_beir, read_beir
from pulse_cli.bench.quality.queries import Query
from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document


def written(folder: Path, **lines: str) -> Path:
    corpus = [
        {"_id": "d/1", "title": "Kettles", "text": "How they boil.", "metadata": {}},
        {"_id": "d2", "title": "", "text": "Boats."},
    ]
    queries = [{"_id": "q1", "text": "boiling"}, {"_id": "q2", "text": "not judged"}]
    (folder / "qrels").mkdir()
    rows = {
        "corpus.jsonl": "\n".join(map(json.dumps, corpus)),
        "queries.jsonl": "\n".join(map(json.dumps, queries)) + "\n",
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td/1\t2\nq1\td2\t0\n",
    }
    for name, text in (rows | lines).items():
        (folder / name).write_text(text)
    return folder


def test_documents_and_judged_queries(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert is_beir(folder)
    documents, queries = read_beir(folder)
    assert documents == [
        Document("https://beir.invalid/d%2F1", "How they boil.", title="Kettles"),
        Document("https://beir.invalid/d2", "Boats."),
    ]
    assert queries == [Query("judged", "boiling", {address("d/1"): 2})]


def test_any_other_folder_is_none(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "queries.jsonl").unlink()
    assert not is_beir(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("corpus.jsonl", "{"),
        ("corpus.jsonl", '{"text": "no id"}'),
        ("queries.jsonl", "[]"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td2\n"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td2\tmuch\n"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    folder = written(tmp_path, **{name: text})
    with pytest.raises(Fatal, match=Path(name).name) as caught:
        read_beir(folder)
    assert caught.value.kind is Kind.USAGE
