"""The rank-bm25 view as the file the original service loads at its start.

That service unpickles `{"corpus", "tokenized_corpus", "metadata"}`. This module only writes,
and only texts, numbers, lists and maps, in the few opcodes of protocol 2 that takes (Python
`Lib/pickletools.py`); nothing here can read such a file, because reading one runs what is in it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pulse_cli.atomic_file import AtomicFile
from pulse_cli.store.rank_bm25.view import Bm25View, tokenize

PROTOCOL_2, STOP, MARK = b"\x80\x02", b".", b"("
EMPTY_DICT, SET_ITEMS, EMPTY_LIST, APPENDS = b"}", b"u", b"]", b"e"
NONE, TRUE, FALSE, TEXT, LONG, FLOAT = b"N", b"\x88", b"\x89", b"X", b"\x8a", b"G"
READER_SECONDS = 600.0  # how long the reader of a pipe may take over what fills it
BATCH = 1000  # items between two marks: how many a reader holds on its stack


def export(view: Bm25View, path: Path) -> None:
    """Write `path` as a whole or not at all. Texts have white space folded, as there."""
    columns: dict[str, Callable[[str, dict[str, Any]], Any]] = {
        "corpus": lambda text, _: " ".join(text.split()),
        "tokenized_corpus": lambda text, _: tokenize(text),
        "metadata": lambda _, metadata: metadata,
    }
    with AtomicFile(path, patience=READER_SECONDS) as file:
        file.write(PROTOCOL_2 + EMPTY_DICT + MARK)
        for name, column in columns.items():
            file.write(encode(name))
            _write_list(file, (column(text, metadata) for text, metadata in view.pages()))
        file.write(SET_ITEMS + STOP)


def _write_list(file: AtomicFile, items: Iterable[Any]) -> None:
    file.write(EMPTY_LIST)
    for batch in _batches(items):
        file.write(MARK + b"".join(map(encode, batch)) + APPENDS)


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def encode(value: Any) -> bytes:
    """One value in opcodes. Raises TypeError for a type that JSON does not have."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int):
        number = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return LONG + bytes([len(number)]) + number
    if isinstance(value, float):
        return FLOAT + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return TEXT + struct.pack("<I", len(text)) + text
    if isinstance(value, list):
        items = (MARK + b"".join(map(encode, batch)) + APPENDS for batch in _batches(value))
        return EMPTY_LIST + b"".join(items)
    if isinstance(value, Mapping):
        pairs = b"".join(encode(key) + encode(inner) for key, inner in value.items())
        return EMPTY_DICT + MARK + pairs + SET_ITEMS
    raise TypeError(f"{type(value).__name__} is not written")
