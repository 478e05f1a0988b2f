"""One page: what is stored of it, or why it is not in the index.

Why a page is missing is looked up in the dead letters of the state folder, in the records of the
service (if there are any), and in the log of runs, which knows how many pages were pruned, but not
which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_cli.engine import run_log
from pulse_cli.errors import Fatal
from pulse_cli.events import NullObserver
from pulse_cli.store.pages import StoredPage, stored_page
from pulse_cli.wiring import Services, target_of

if TYPE_CHECKING:
    from pulse_cli.config import Settings


@dataclass(frozen=True, slots=True)
class Fate:
    """Something that happened, or may have happened, to a page.

    `what` is dead, skipped, failed or pruned. `at` is the time, RFC 3339 or "". `where` is the
    file that says so.
    """

    what: str
    reason: str
    where: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """`page` is None where nothing is stored; then `fates` say what is known of it."""

    key: str
    page: StoredPage | None
    fates: tuple[Fate, ...] = ()


async def show(settings: Settings, url: str) -> Shown:
    """The page with this address. Raises Fatal where there is no index."""
    from pulse_cli.prepare.identity import canonical_url

    key = canonical_url(url)
    async with Services(settings, NullObserver()) as services:
        store = await services.store(0, create=False)
        page = await services.patiently("the store", lambda: stored_page(store, key))
    if page is not None:
        return Shown(key, page)
    fates = [
        *_dead(settings.state_folder, key),
        *await _recorded(settings, {url, key}),
        *_pruned(settings),
    ]
    return Shown(key, None, tuple(fates))


def _dead(folder: Path, key: str) -> Iterator[Fate]:
    """The dead letters of the page, the newest file first."""
    from pulse_cli.app.dead_letters import letters_of

    for path, letter in letters_of(folder, key):
        where = f"{letter.get('source')}:line {letter.get('line')}"
        reason = f"{letter.get('reason')}: {letter.get('detail')} ({where})"
        yield Fate("dead", reason, str(path))


async def _recorded(settings: Settings, urls: set[str]) -> list[Fate]:
    """What the service recorded of these addresses; empty where it keeps no records."""
    from pulse_cli.records.database import RecordsUnavailable, open_records
    from pulse_cli.records.queries import OperationFilter, operations

    named = settings.records.url
    file = settings.state_folder / "records.db"
    if named is None and not file.exists():
        return []
    records = open_records(f"sqlite:///{file}" if named is None else named.get_secret_value())
    found: list[Fate] = []
    try:
        for url in sorted(urls):
            where = OperationFilter(
                hours=24 * 365, operation_name="index_document", document_url=url
            )
            answer = await operations(records, where, limit=1)
            found += [_of_record(row) for row in answer["metrics"]]
    except RecordsUnavailable as error:
        raise Fatal(f"the records of the service: {error}", hint="check records.url") from error
    finally:
        await records.close()
    return found


def _of_record(row: Mapping[str, Any]) -> Fate:
    what = "indexed by the service" if row["success"] else "failed"
    at = str(row["timestamp"])
    return Fate(what, row["error_message"] or "it was removed since", "records of the service", at)


def _pruned(settings: Settings) -> Iterator[Fate]:
    """The runs that removed pages from this index."""
    mine = target_of(settings, 0)
    for record in run_log.read(settings.state_folder):
        target = record["target"]
        same = (target["store"], target["collection"]) == (mine.store, mine.collection)
        if same and record["pruned"]:
            reason = f"run {record['run_id']} removed {record['pruned']:,} pages; this may be one"
            yield Fate("pruned", reason, str(settings.state_folder / run_log.NAME))
