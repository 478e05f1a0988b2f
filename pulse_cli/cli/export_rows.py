"""Exported objects as bytes: JSON lines, or a Parquet file of flat columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from pulse_cli.errors import Fatal, Kind

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
    """Columns named as the fields are; those of `metadata` and `payload` stand beside the others.

    Columns are those of the first batch; fields that only later ones have are left out. Needs
    pyarrow.
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
        self._buffer = io.BytesIO()
        self._writer: Any = None
        self._schema: Any = None

    def write(self, rows: Sequence[Row]) -> None:
        flat = [_flat(row) for row in rows]
        if self._writer is None:
            self._schema = self._schema_of(flat)
            self._writer = self._parquet.ParquetWriter(_Sink(self._write), self._schema)
        self._writer.write_table(self._arrow.Table.from_pylist(flat, schema=self._schema))

    def finish(self) -> None:
        if self._writer is None:
            self.write([{"metadata": {"url": None}, "markdown": None}])
        self._writer.close()

    def _schema_of(self, flat: Sequence[dict[str, Any]]) -> Any:
        """Types by the first value of each field; a field that is always None is text."""
        arrow = self._arrow
        kinds: dict[str, Any] = {}
        for row in flat:
            for name, value in row.items():
                if name not in kinds or kinds[name] is None:
                    kinds[name] = _kind(arrow, value)
        return arrow.schema([(name, kind or arrow.string()) for name, kind in kinds.items()])


def _flat(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("metadata", "payload"):
            found |= value
        else:
            found[name] = str(value) if name == "id" else value
    return found


def _kind(arrow: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool):
        return arrow.bool_()
    if isinstance(value, int):
        return arrow.int64()
    if isinstance(value, float):
        return arrow.float64()
    if isinstance(value, str):
        return arrow.string()
    return arrow.list_(arrow.float32())


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
