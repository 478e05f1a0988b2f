"""How fast one core reads: JSONL, the same pages as one huge object, and skipping on resume."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.bench.corpus import documents_of
from pulse_cli.model import Document, Position

_ENOUGH_BYTES = 200_000_000


def measure_read(sources: Sequence[str], folder: Path, *, quick: bool) -> dict[str, Any]:
    """MB of file per CPU second, for each shape; `resume` skips all of the JSONL."""
    lines, huge = folder / "pages.jsonl", folder / "crawl.json"
    _write(sources, lines, huge, 0 if quick else _ENOUGH_BYTES)
    last = _read(lines, Position())[1]
    return {
        "jsonl": _speed(lines, Position()),
        "one_object": _speed(huge, Position()),
        "resume": _speed(lines, last),
    }


def _write(sources: Sequence[str], lines: Path, huge: Path, enough: int) -> None:
    """The pages of the sources in both shapes, over and over up to about `enough` bytes."""
    pages = [_as_record(document) for document in documents_of(sources)]
    times = max(1, enough // max(1, sum(map(len, pages))))
    with lines.open("wb") as flat, huge.open("wb") as nested:
        nested.write(b'{"success":true,"status":"completed","data":[')
        for number, page in enumerate(_repeated(pages, times)):
            flat.write(page + b"\n")
            nested.write((b"," if number else b"") + page)
        nested.write(b"]}\n")


def _repeated(pages: list[bytes], times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield from pages


def _as_record(document: Document) -> bytes:
    metadata = {"url": document.url, "title": document.title, "statusCode": 200}
    return orjson.dumps({"markdown": document.text, "metadata": metadata})


def _speed(path: Path, start: Position) -> dict[str, float]:
    began = time.process_time()
    count, _ = _read(path, start)
    seconds = max(time.process_time() - began, 1e-9)
    size = path.stat().st_size / 1e6
    return {"mb": size, "cpu_s": seconds, "mb_per_cpu_s": size / seconds, "records": count}


def _read(path: Path, start: Position) -> tuple[int, Position]:
    """How many records there are from `start` on, and the position after the last."""
    from pulse_cli.read import ReadOptions, open_source

    count, last = 0, start
    for record in open_source([str(path)], ReadOptions()).records(start):
        count, last = count + 1, record.position
    return count, last
