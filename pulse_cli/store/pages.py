"""Reads whole pages from a store: payload, chunks, and the text joined from the chunks.

A page is read in the version that its commit record says is whole (`payload.COMMITTED`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulse_cli.errors import Rejected
from pulse_cli.model import Document, Filter
from pulse_cli.payload import (
    CHAR_END,
    CHAR_START,
    CHUNK_COUNT,
    CHUNK_INDEX,
    COMMITTED,
    COUNTRY,
    DESCRIPTION,
    DOMAIN,
    IS_MOBILE,
    KEY,
    LANGUAGE,
    SOURCE_URL,
    TEXT,
    TITLE,
    URL,
    VERSION,
)
from pulse_cli.ports import NO_PAYLOAD_INDEX, Store

GROUP_CHUNKS = 512
GROUP_PAGES = 64

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredPage:
    """One version of a page. `chunks` are the payloads of its points, in order of the text."""

    chunks: Sequence[Payload]

    @property
    def first(self) -> Payload:
        """The payload of the first chunk, which tells of the page."""
        return self.chunks[0]

    @property
    def committed(self) -> bool:
        """Whether it is whole."""
        return self.first.get(COMMITTED) is True and self.first.get(CHUNK_COUNT) == len(self.chunks)

    @property
    def text(self) -> str:
        """The text of the page. The blanks between two chunks, which neither of them holds, become
        one or two line breaks."""
        parts: list[str] = []
        end = None
        for chunk in self.chunks:
            text, start = str(chunk.get(TEXT) or ""), _number(chunk.get(CHAR_START))
            if end is not None:
                parts.append("\n" * min(2, max(0, start - end)))
                text = text[max(0, end - start) :]
            parts.append(text)
            end = max(end or 0, _number(chunk.get(CHAR_END)))
        return "".join(parts)

    def document(self) -> Document:
        """The page as a reader gives it."""
        found = self.first
        return Document(
            url=str(found.get(URL) or found.get(KEY)),
            text=self.text,
            source_url=_text(found.get(SOURCE_URL)),
            title=_text(found.get(TITLE)),
            description=_text(found.get(DESCRIPTION)),
            language=_text(found.get(LANGUAGE)),
            country=_text(found.get(COUNTRY)),
            is_mobile=found.get(IS_MOBILE) if isinstance(found.get(IS_MOBILE), bool) else None,
        )


async def pages_by_domain(store: Store) -> dict[str, int]:
    """Counts of whole pages by domain, the largest first. Raises as the store.

    The store counts them. If the collection has no payload index for that, because this version of
    pulse has not written to it, all points are read, without a filter: a server in strict mode
    would refuse a filter.
    """
    try:
        found = await store.facet(DOMAIN, Filter({COMMITTED: True}))
        return {str(domain): pages for domain, pages in found.items()}
    except Rejected as error:
        if error.reason != NO_PAYLOAD_INDEX:
            raise
    counted: Counter[str] = Counter()
    async for hits in store.scroll((DOMAIN, COMMITTED), Filter()):
        counted.update(
            str(hit.payload[DOMAIN])
            for hit in hits
            if hit.payload.get(COMMITTED) is True and hit.payload.get(DOMAIN) is not None
        )
    return dict(counted.most_common())


async def stored_page(store: Store, key: str) -> StoredPage | None:
    """The page with this canonical URL: its whole version, else the one with most chunks.

    None where nothing of it is stored. Raises as the store.
    """
    found: list[Payload] = []
    async for hits in store.scroll(None, Filter({KEY: key})):
        found += [hit.payload for hit in hits]
    versions = _versions(found)
    return max(versions, key=lambda page: (page.committed, len(page.chunks)), default=None)


async def stored_pages(
    store: Store, where: Filter, skip: int = 0
) -> AsyncIterator[list[StoredPage | None]]:
    """All whole pages that match, after the first `skip`, in groups of about 512 chunks, in the
    order of the ids of their first points; None for a page whose other points are missing.

    `where` must match all points of a page or none. Raises as the store.
    """
    records = Filter({**where.equals, COMMITTED: True}, where.url_prefix, where.ids)
    group: list[Payload] = []
    size = 0
    async for hits in store.scroll((KEY, VERSION, CHUNK_COUNT), records):
        passed = min(skip, len(hits))
        skip -= passed
        for hit in hits[passed:]:
            group.append(hit.payload)
            size += _number(hit.payload.get(CHUNK_COUNT))
            if size >= GROUP_CHUNKS or len(group) >= GROUP_PAGES:
                yield await _whole(store, group)
                group, size = [], 0
    if group:
        yield await _whole(store, group)


async def _whole(store: Store, records: Sequence[Payload]) -> list[StoredPage | None]:
    """The pages of these commit records, in their order."""
    keys = [str(record.get(KEY)) for record in records]
    versions = [str(record.get(VERSION)) for record in records]
    found: list[Payload] = []
    async for hits in store.scroll(None, Filter(among={KEY: keys, VERSION: versions})):
        found += [hit.payload for hit in hits]
    pages = {
        (_text(page.first.get(KEY)), _text(page.first.get(VERSION))): page
        for page in _versions(found)
    }
    wanted = (pages.get(pair) for pair in zip(keys, versions, strict=True))
    return [page if page is not None and page.committed else None for page in wanted]


def _versions(payloads: Sequence[Payload]) -> list[StoredPage]:
    """The payloads by the version of the page that they belong to."""
    found: dict[tuple[str | None, str | None], list[Payload]] = {}
    for payload in payloads:
        page = _text(payload.get(KEY)), _text(payload.get(VERSION))
        found.setdefault(page, []).append(payload)
    return [
        StoredPage(sorted(chunks, key=lambda one: _number(one.get(CHUNK_INDEX))))
        for chunks in found.values()
    ]


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
