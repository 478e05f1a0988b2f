"""The rank-bm25 view as the file the original service loads at its start.

That service unpickles `{"corpus", "tokenized_corpus", "metadata"}`. This module only writes
such files; nothing in pulse can read one, because reading one runs what is in it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pulse_cli.atomic_file import AtomicFile
from pulse_cli.store.rank_bm25.view import Bm25View, tokenize

READER_SECONDS = 600.0  # how long the reader of a pipe may take over what fills it


def export(view: Bm25View, path: Path) -> None:
    """Write `path` as a whole or not at all, a page at a time. Texts have white space folded.

    Raises OSError where it cannot be written.
    """
    columns = {
        "corpus": _Column(" ".join(text.split()) for text, _ in view.pages()),
        "tokenized_corpus": _Column(tokenize(text) for text, _ in view.pages()),
        "metadata": _Column(metadata for _, metadata in view.pages()),
    }
    with AtomicFile(path, patience=READER_SECONDS) as file:
        pickler = pickle.Pickler(file, protocol=4)
        pickler.fast = True  # without its memory of all it wrote, which would hold every page
        pickler.dump(columns)


class _Column:
    """Is written as a list of `items`, which need not be in memory together."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items

    def __reduce__(self) -> tuple[type[list[Any]], tuple[()], None, Iterator[Any]]:
        return list, (), None, iter(self._items)
