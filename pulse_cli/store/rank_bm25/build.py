"""Makes the rank-bm25 view of a store. It is derived, so it can always be made again.

The points of a page do not come together. So their texts go to a scratch table on disk first. Then
pages are joined and counted one at a time, and postings are written whenever a few million are in
memory. So memory is bounded. The file is written beside the old one, synced, and replaces it in
one step.
"""

from __future__ import annotations

import math
import os
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from pulse_cli.atomic_file import sync_path
from pulse_cli.model import Filter, Hit
from pulse_cli.payload import (
    CHAR_END,
    CHAR_START,
    CHUNK_COUNT,
    CHUNK_INDEX,
    COUNTRY,
    DESCRIPTION,
    DOMAIN,
    IS_MOBILE,
    KEY,
    LANGUAGE,
    TEXT,
    TITLE,
    URL,
    VERSION,
)
from pulse_cli.ports import RunInThread, Store
from pulse_cli.store.rank_bm25.view import EPSILON, FILE, FORMAT, tokenize

METADATA = (URL, KEY, DOMAIN, TITLE, DESCRIPTION, LANGUAGE, COUNTRY, IS_MOBILE)
FIELDS = (*METADATA, TEXT, CHUNK_INDEX, CHUNK_COUNT, CHAR_START, CHAR_END, VERSION)
MOST_POSTINGS = 4_000_000
_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER);
CREATE TABLE chunks (page TEXT, version TEXT, chunks INTEGER, number INTEGER, point TEXT,
                     start INTEGER, stop INTEGER, text TEXT, metadata BLOB);
CREATE TABLE documents (id INTEGER PRIMARY KEY, point TEXT, length INTEGER, metadata BLOB,
                        text TEXT);
CREATE TABLE postings (word TEXT, ids BLOB, counts BLOB, n INTEGER);
CREATE TABLE words (word TEXT PRIMARY KEY, idf REAL) WITHOUT ROWID;
"""

Chunk = tuple[str, str, int, int, str, int | None, int | None, str, bytes]


async def rebuild(
    store: Store, folder: Path, run_in_thread: RunInThread, *, most_postings: int = MOST_POSTINGS
) -> int:
    """Make or replace the view in `folder` from all points of `store`. Returns its pages.

    Raises what the store raises, and OSError or sqlite3.Error where the disk fails; the old
    view then stays. `most_postings` bounds what is held in memory (8 bytes each).
    """
    half = folder / f"{FILE}.new"
    db = await run_in_thread(_begin, half)
    try:
        points = 0
        async for hits in store.scroll(FIELDS, Filter()):
            points += len(hits)
            await run_in_thread(_keep, db, hits)
        pages = await run_in_thread(_build, db, points, most_postings)
        db.close()
        await run_in_thread(_install, half, folder / FILE)
    finally:
        db.close()
        half.unlink(missing_ok=True)
    return pages


def _begin(half: Path) -> sqlite3.Connection:
    half.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    db = sqlite3.connect(half, check_same_thread=False)  # one thread at a time, not always one
    # The file is thrown away after a crash, so nothing in it needs a journal.
    db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES}")
    return db


def _keep(db: sqlite3.Connection, hits: Sequence[Hit]) -> None:
    db.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_chunk, hits))


def _chunk(hit: Hit) -> Chunk:
    """A row of the scratch table; points of other tools may lack any field."""
    payload = hit.payload
    metadata = {name: payload.get(name) for name in METADATA}
    page = payload.get(KEY) or payload.get(URL) or hit.id
    text = payload.get(TEXT)
    return (
        str(page),
        str(payload.get(VERSION) or ""),
        _integer(payload.get(CHUNK_COUNT)) or 0,
        _integer(payload.get(CHUNK_INDEX)) or 0,
        hit.id,
        _integer(payload.get(CHAR_START)),
        _integer(payload.get(CHAR_END)),
        text if isinstance(text, str) else "",
        orjson.dumps(metadata),
    )


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _build(db: sqlite3.Connection, points: int, most_postings: int) -> int:
    db.execute("CREATE INDEX by_page ON chunks (page, version, number)")
    pages = _count_words(db, most_postings)
    db.execute("CREATE INDEX by_word ON postings (word)")
    _weigh_words(db, pages)
    db.execute("DROP TABLE chunks")
    about = {"format": FORMAT, "points": points}
    db.executemany("INSERT INTO about VALUES (?, ?)", about.items())
    db.commit()
    db.execute("VACUUM")  # frees the space of the scratch table
    return pages


def _count_words(db: sqlite3.Connection, most_postings: int) -> int:
    postings: dict[str, tuple[array[int], array[int]]] = {}
    held = number = 0
    for number, (point, metadata, text) in enumerate(_pages(db), start=1):
        words = tokenize(text)
        db.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?)",
            (number - 1, point, len(words), metadata, text),
        )
        for word, count in Counter(words).items():
            ids, counts = postings.setdefault(word, (array("I"), array("I")))
            ids.append(number - 1)
            counts.append(count)
            held += 1
        if held >= most_postings:
            _write_postings(db, postings)
            postings, held = {}, 0
    _write_postings(db, postings)
    return number


def _write_postings(
    db: sqlite3.Connection, postings: dict[str, tuple[array[int], array[int]]]
) -> None:
    db.executemany(
        "INSERT INTO postings VALUES (?, ?, ?, ?)",
        (
            (word, ids.tobytes(), counts.tobytes(), len(ids))
            for word, (ids, counts) in postings.items()
        ),
    )


def _weigh_words(db: sqlite3.Connection, pages: int) -> None:
    """Store the idf of every word: first as it is, then the floor for negative ones."""
    occurrences = db.execute("SELECT word, sum(n) FROM postings GROUP BY word")
    db.executemany(
        "INSERT INTO words VALUES (?, ?)",
        ((word, math.log(pages - n + 0.5) - math.log(n + 0.5)) for word, n in occurrences),
    )
    db.execute("UPDATE words SET idf = ? * (SELECT avg(idf) FROM words) WHERE idf < 0", (EPSILON,))


def _pages(db: sqlite3.Connection) -> Iterator[tuple[str, bytes, str]]:
    """Point id and metadata of the first chunk and the whole text of each page."""
    rows: Iterable[Chunk] = db.execute("SELECT * FROM chunks ORDER BY page, version, number, point")
    for _, chunks in groupby(rows, key=lambda row: row[0]):
        found = _one_version(list(chunks))
        yield found[0][4], found[0][8], join_chunks([(row[5], row[6], row[7]) for row in found])


def _one_version(chunks: list[Chunk]) -> list[Chunk]:
    """An interrupted write leaves two versions of a page: a whole one is taken."""
    versions = [list(each) for _, each in groupby(chunks, key=lambda row: row[1])]
    return max(versions, key=lambda rows: (len(rows) == rows[0][2], len(rows)))


def join_chunks(chunks: Sequence[tuple[int | None, int | None, str]]) -> str:
    """The text of these chunks (start, stop, text), without overlap.

    Between two chunks only white space is missing. Chunks without offsets are put one after the
    other.
    """
    parts: list[str] = []
    reached = 0
    for start, stop, text in chunks:
        if start is None or stop is None or stop - start != len(text):
            parts += ("\n", text) if parts else (text,)
            continue
        if start > reached and parts:
            parts.append("\n")
        parts.append(text[max(0, reached - start) :])
        reached = max(reached, stop)
    return "".join(parts)


def _install(half: Path, path: Path) -> None:
    sync_path(half)
    half.replace(path)
    sync_path(path.parent)
