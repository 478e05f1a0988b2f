"""The database of the records: opened, its tables made, its errors put into words.

The default is one SQLite file in the state folder (write-ahead log, so readers never wait
for the writer). `postgresql+asyncpg://user:password@host/db` uses a server. The password
appears in no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pulse_cli.records.tables import METADATA, SCHEMA

BUSY_MS = 5_000
CONNECT_S = 5.0
STATEMENT_S = 10.0


class RecordsUnavailable(Exception):
    """The record store cannot be used now. `str()` names it without credentials."""


class Records:
    """One database of records. Use `open_records`."""

    def __init__(self, engine: AsyncEngine, shown: str) -> None:
        self._engine = engine
        self._ready = False
        self._making = asyncio.Lock()
        self.shown = shown

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """One transaction; the tables exist. Raises RecordsUnavailable.

        An error that the caller raises inside rolls the transaction back and passes through.
        """
        try:
            if not self._ready:
                await self._make_tables()
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise RecordsUnavailable(f"the records at {self.shown}: {_words(error)}") from error

    async def _make_tables(self) -> None:
        """Once, whoever comes first; two at the same time would get in each other's way."""
        async with self._making:
            if not self._ready:
                async with self._engine.begin() as connection:
                    await connection.run_sync(_make_tables)
                self._ready = True

    async def close(self) -> None:
        await self._engine.dispose()


def open_records(url: str) -> Records:
    """The records at `url` (`sqlite:///FILE` or `postgresql+asyncpg://…`).

    Nothing is connected before the first use. Raises ValueError for an address that is none.
    """
    try:
        found = make_url(url)
    except ArgumentError:
        raise ValueError("expected sqlite:///FILE or postgresql+asyncpg://user@host/db") from None
    if found.get_backend_name() == "sqlite":
        return _open_sqlite(found)
    if found.get_backend_name() == "postgresql":
        return _open_postgres(found.set(drivername="postgresql+asyncpg"))
    raise ValueError(f"{found.get_backend_name()} is not supported: sqlite or postgresql")


def _open_sqlite(url: URL) -> Records:
    file = url.database or ":memory:"
    if file != ":memory:":
        Path(file).expanduser().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        execution_options={"schema_translate_map": {SCHEMA: None}},
        connect_args={"timeout": BUSY_MS / 1000},
    )
    event.listen(engine.sync_engine, "connect", _tune_sqlite)
    return Records(engine, file)


def _open_postgres(url: URL) -> Records:
    engine = create_async_engine(
        url,
        pool_pre_ping=True,
        connect_args={"timeout": CONNECT_S, "command_timeout": STATEMENT_S},
    )
    return Records(engine, url.render_as_string(hide_password=True))


def _tune_sqlite(connection: Any, _: Any) -> None:
    """WAL, and fsync only at its checkpoints: records may lose their last second."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.close()


def _make_tables(connection: Connection) -> None:
    """Create schema and tables where they are missing."""
    if connection.dialect.name == "postgresql" and not inspect(connection).has_schema(SCHEMA):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    METADATA.create_all(connection)


def _words(error: BaseException) -> str:
    """The cause in one line; SQLAlchemy's own text repeats the statement and its values."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else 'no details'}"
