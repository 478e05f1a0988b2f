"""The rank-bm25 view: whole pages on disk, scored as the `rank-bm25` package scores them.

A view is one SQLite file, made from the store by `build.py` and replaced as a whole, so a reader
sees the old one or the new one. A search reads only the postings of its words, so its cost does
not depend on the size of the vocabulary. Opening a view runs no code from the file.

Formula: BM25Okapi of rank-bm25 0.2.2 (Trotman et al. 2014, ATIRE): idf = ln(N - n + 0.5) -
ln(n + 0.5), negative ones replaced by 0.25 of the mean idf; k1 = 1.5, b = 0.75; words are
`text.lower().split()`. Scores differ from the package's by rounding only.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Filter, Hit
from pulse_cli.payload import CHUNK_INDEX, KEY, TEXT

FILE = "rank-bm25.sqlite"
FORMAT = 1
K1, B, EPSILON = 1.5, 0.75, 0.25


def tokenize(text: str) -> list[str]:
    """Words as the original service splits them."""
    return text.lower().split()


class Bm25View:
    """A view opened for reading. Blocking; use it in one thread.

    It holds `documents` pages made from `points` points. If the store has another number of
    points, it has changed since.
    """

    def __init__(self, folder: Path) -> None:
        """Raises Fatal where `folder` holds no view that this version reads."""
        path = folder / FILE
        if not path.is_file():
            raise _unusable(folder, "there is none")
        try:
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            about = dict(self._db.execute("SELECT name, value FROM about"))
            lengths = self._db.execute("SELECT length FROM documents ORDER BY id").fetchall()
        except sqlite3.DatabaseError as error:
            raise _unusable(folder, str(error)) from error
        if about.get("format") != FORMAT:
            raise _unusable(folder, "another version of pulse made it")
        self.documents = len(lengths)
        self.points = int(about["points"])
        self._lengths = np.array([length for (length,) in lengths], dtype=np.float64)
        self._mean_length = self._lengths.sum() / max(1, self.documents)

    def scores(self, query: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """One score per page, in the order of `pages`; 0 where no word of the query occurs."""
        total = np.zeros(self.documents)
        for word in tokenize(query):
            row = self._db.execute("SELECT idf FROM words WHERE word = ?", (word,)).fetchone()
            if row is None:
                continue
            for ids, counts in self._postings(word):
                lengths = self._lengths[ids] / self._mean_length
                damped = counts + K1 * (1 - B + B * lengths)
                total[ids] += row[0] * (counts * (K1 + 1) / damped)
        return total

    def _postings(self, word: str) -> Iterator[tuple[Any, Any]]:
        found = self._db.execute("SELECT ids, counts FROM postings WHERE word = ?", (word,))
        for ids, counts in found:
            yield np.frombuffer(ids, dtype=np.uint32), np.frombuffer(counts, dtype=np.uint32) * 1.0

    def search(self, query: str, limit: int, where: Filter) -> list[Hit]:
        """The best pages that hold a word of the query. Payload: metadata and whole `text`."""
        scores = self.scores(query)
        found: list[Hit] = []
        matching = np.flatnonzero(scores)
        for number in matching[np.argsort(-scores[matching], kind="stable")]:
            point_id, metadata, text = self._page(int(number))
            if _fits(metadata, where):
                payload = {**metadata, TEXT: text, CHUNK_INDEX: 0}
                found.append(Hit(point_id, float(scores[number]), payload))
            if len(found) >= limit:
                break
        return found

    def _page(self, number: int) -> tuple[str, dict[str, Any], str]:
        row = self._db.execute(
            "SELECT point, metadata, text FROM documents WHERE id = ?", (number,)
        ).fetchone()
        return row[0], orjson.loads(row[1]), row[2]

    def pages(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Text and metadata of every page, one at a time."""
        for text, metadata in self._db.execute("SELECT text, metadata FROM documents ORDER BY id"):
            yield text, orjson.loads(metadata)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()


def _fits(metadata: Mapping[str, Any], where: Filter) -> bool:
    if not all(metadata.get(name) == value for name, value in where.equals.items()):
        return False
    return str(metadata.get(KEY) or "").startswith(where.url_prefix or "")


def _unusable(folder: Path, problem: str) -> Fatal:
    return Fatal(
        f"the rank-bm25 view in {folder} cannot be used: {problem}",
        hint="run `pulse bm25 rebuild`",
        kind=Kind.BM25_VIEW,
    )
