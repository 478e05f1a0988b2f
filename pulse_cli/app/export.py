"""Exports an index as JSON objects: pages in Firecrawl's shape, or chunks as they are stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulse_cli.payload import INDEXED_AT
from pulse_cli.ports import Observer, Store
from pulse_cli.search.filters import parse_filters
from pulse_cli.store.pages import StoredPage, stored_pages
from pulse_cli.wiring import Services

if TYPE_CHECKING:
    from pulse_cli.config import Settings
    from pulse_cli.model import Filter

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What to export: whole pages, or with `chunks` every point, and with `vectors` its vector."""

    chunks: bool = False
    vectors: bool = False
    filters: tuple[str, ...] = ()


async def exported(
    settings: Settings, job: ExportJob, observer: Observer
) -> AsyncIterator[list[Row]]:
    """The objects in batches. Raises Fatal where there is no such index."""
    where = parse_filters(job.filters)
    async with Services(settings, observer) as services:
        store = await services.store(0, create=False)
        if job.chunks:
            async for batch in _chunks(store, where, vectors=job.vectors):
                yield batch
        else:
            async for pages in stored_pages(store, where):
                yield [page_row(page) for page in pages if page is not None]


async def _chunks(store: Store, where: Filter, *, vectors: bool) -> AsyncIterator[list[Row]]:
    if not vectors:
        async for hits in store.scroll(None, where):
            yield [{"id": hit.id, "payload": dict(hit.payload)} for hit in hits]
        return
    async for batch in store.whole_points(where):
        yield [
            {"id": point.id, "payload": dict(point.payload), "vector": row}
            for point, row in zip(batch.points, batch.rows, strict=True)
        ]


def page_row(page: StoredPage) -> Row:
    """The page as Firecrawl gives it, so that `pulse index` can read it again."""
    found = page.document()
    return {
        "markdown": found.text,
        "country": found.country,
        "isMobile": found.is_mobile,
        "metadata": {
            "url": found.url,
            "sourceURL": found.source_url,
            "title": found.title,
            "description": found.description,
            "language": found.language,
            "indexedAt": page.first.get(INDEXED_AT),
        },
    }
