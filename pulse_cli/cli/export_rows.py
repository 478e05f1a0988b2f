"""Exported objects as bytes: JSON lines, or a Parquet file of flat columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from pulse_cli.errors import Fatal, Kind
from pulse_cli.payload import (
    CHAR_END,
    CHAR_START,
    CHUNK_COUNT,
    CHUNK_INDEX,
    COMMITTED,
    CONTENT_HASH,
    COUNTRY,
    DESCRIPTION,
    DOC_TOKENS,
    DOMAIN,
    EMBEDDER,
    INDEXED_AT,
    IS_MOBILE,
    KEY,
    LANGUAGE,
    REV,
    RUN_ID,
    SECTION,
    SOURCE_URL,
    TEXT,
    TITLE,
    TOKEN_COUNT,
    URL,
    VERSION,
)

Row = Mapping[str, Any]
Write = Callable[[bytes], object]


class RowWriter(Protocol):
    """Writes batches of objects, and at the end what a format puts there."""

    def write(self, rows: Sequence[Row]) -> None: ...
    def finish(self) -> None: ...


class JsonLines:
    """One object a line."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, rows: Sequence[Row]) -> None:
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
        self._write(b"".join(orjson.dumps(row, option=options) for row in rows))

    def finish(self) -> None:
        """Nothing follows the last line."""


class Parquet:
    """Columns with the names of the fields, those in `metadata` and `payload` among them.

    The columns are the fields that pulse writes. Other fields, and fields of another type, which
    points of other tools may have, are in the column `other`, as JSON. Needs pyarrow.
    """

    def __init__(self, write: Write) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise Fatal(
                "writing Parquet needs pyarrow, which is not installed",
                hint="pip install 'pulse-index[parquet]', or write JSON lines",
                kind=Kind.USAGE,
            ) from error
        self._arrow: Any = pyarrow
        self._parquet: Any = pyarrow.parquet
        self._write = write
        self._writer: Any = None
        self._columns: dict[str, type] = {}

    def write(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        if self._writer is None:
            self._columns = _CHUNKS if "payload" in rows[0] else _PAGES
            if "vector" in rows[0]:
                self._columns = {**self._columns, "vector": list}
            self._writer = self._parquet.ParquetWriter(_Sink(self._write), self._schema())
        flat = [_flat(row, self._columns) for row in rows]
        self._writer.write_table(self._arrow.Table.from_pylist(flat, schema=self._schema()))

    def finish(self) -> None:
        if self._writer is None:
            self.write([{"markdown": None}])
        self._writer.close()

    def _schema(self) -> Any:
        arrow = self._arrow
        kinds = {
            str: arrow.string(),
            int: arrow.int64(),
            bool: arrow.bool_(),
            list: arrow.list_(arrow.float32()),
        }
        columns = [(name, kinds[kind]) for name, kind in self._columns.items()]
        return arrow.schema([*columns, ("other", arrow.string())])


_PAGES: dict[str, type] = {
    **dict.fromkeys(("url", "sourceURL", "title", "description", "language", "country"), str),
    "isMobile": bool,
    "indexedAt": str,
    "markdown": str,
}
_CHUNKS: dict[str, type] = {
    **dict.fromkeys(("id", URL, KEY, TITLE, DESCRIPTION, DOMAIN, LANGUAGE, COUNTRY), str),
    IS_MOBILE: bool,
    **dict.fromkeys((SOURCE_URL, TEXT, SECTION), str),
    **dict.fromkeys((CHUNK_INDEX, CHUNK_COUNT, TOKEN_COUNT, DOC_TOKENS, CHAR_START, CHAR_END), int),
    **dict.fromkeys((CONTENT_HASH, REV, VERSION, EMBEDDER, INDEXED_AT, RUN_ID), str),
    COMMITTED: bool,
}


def _flat(row: Row, columns: Mapping[str, type]) -> dict[str, Any]:
    """The values of the columns, and all else as JSON in `other`."""
    found: dict[str, Any] = {}
    other: dict[str, Any] = {}
    nested = {**(row.get("metadata") or {}), **(row.get("payload") or {})}
    for name, value in [*row.items(), *nested.items()]:
        if name in ("metadata", "payload") or value is None:
            continue
        if name == "vector":
            found[name] = value
        elif name == "id":
            found[name] = str(value)
        elif type(value) is columns.get(name):
            found[name] = value
        else:
            other[name] = value
    if other:
        found["other"] = orjson.dumps(other, default=str).decode()
    return found


class _Sink(io.RawIOBase):
    """A file that only takes bytes, for a library that writes to files."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._put = write

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._put(bytes(data))
        return len(data)
