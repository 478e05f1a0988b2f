"""Exports the rank-bm25 view as the file that the original service loads at its start.

That service unpickles `{"corpus", "tokenized_corpus", "metadata"}`. This module only writes such
files. Nothing in pulse reads one, because unpickling a file can run any code in it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pulse_cli.atomic_file import AtomicFile
from pulse_cli.store.rank_bm25.view import Bm25View, tokenize

READER_SECONDS = 600.0  # how long the reader of a full pipe may take to read on


def export(view: Bm25View, path: Path) -> None:
    """Write `path` completely or not at all, page by page. White space in texts is folded.

    Raises OSError where it cannot be written.
    """
    columns = {
        "corpus": _Column(" ".join(text.split()) for text, _ in view.pages()),
        "tokenized_corpus": _Column(tokenize(text) for text, _ in view.pages()),
        "metadata": _Column(metadata for _, metadata in view.pages()),
    }
    with AtomicFile(path, patience=READER_SECONDS) as file:
        pickler = pickle.Pickler(file, protocol=4)
        pickler.fast = True  # no memo of what it wrote, which would keep every page in memory
        pickler.dump(columns)


class _Column:
    """Pickled as a list of `items`, which need not be in memory at the same time."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items

    def __reduce__(self) -> tuple[type[list[Any]], tuple[()], None, Iterator[Any]]:
        return list, (), None, iter(self._items)
