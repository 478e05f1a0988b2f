"""Standard test sets in BEIR's layout (Thakur and others, NeurIPS Datasets 2021).

`corpus.jsonl` holds `{"_id", "title", "text"}`, `queries.jsonl` `{"_id", "text"}`, and
`qrels/test.tsv` the lines `query-id, corpus-id, score` below a line of names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from pulse_cli.bench.quality.queries import Query
from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Document

_FILES = ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")


def is_beir(folder: Path) -> bool:
    """Whether all three files are there."""
    return all((folder / name).is_file() for name in _FILES)


def read_beir(folder: Path) -> tuple[list[Document], list[Query]]:
    """All its documents, and the queries that are judged. Raises Fatal (exit 2)."""
    documents = [
        Document(address(row["_id"]), str(row.get("text", "")), title=row.get("title") or None)
        for row in _rows(folder / _FILES[0])
    ]
    judged: dict[str, dict[str, int]] = {}
    for line in _lines(folder / _FILES[2])[1:]:
        try:
            query, document, grade = line.split("\t")
            if int(grade) > 0:
                judged.setdefault(query, {})[address(document)] = int(grade)
        except ValueError as error:
            raise _unreadable(folder / _FILES[2], f"the line {line!r}") from error
    queries = [
        Query("judged", row["text"], judged[row["_id"]])
        for row in _rows(folder / _FILES[1])
        if row["_id"] in judged
    ]
    return documents, queries


def address(identifier: str) -> str:
    """The made-up address of a document, which is also its key."""
    return f"https://beir.invalid/{quote(identifier, safe='')}"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in _lines(path):
        try:
            row = orjson.loads(line)
        except ValueError as error:
            raise _unreadable(path, str(error)) from error
        if not isinstance(row, dict) or not isinstance(row.get("_id"), str):
            raise _unreadable(path, 'a line without "_id"')
        yield row


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> Fatal:
    return Fatal(
        f"{path} is not as BEIR has it: {why}",
        hint="a test set has corpus.jsonl, queries.jsonl and qrels/test.tsv",
        kind=Kind.USAGE,
    )
