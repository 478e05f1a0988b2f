"""Removes pages that a complete crawl no longer holds, and nothing else.

A page is removed when it is in scope (on a host of which the crawl holds a page, or below a
prefix that was named) and the crawl does not hold it. Pages of status 404 and 410 are not
held; pages that were skipped or became dead letters are.

Why this is safe:

- It runs only after every record has its outcome, and only if the source is known to be complete.
- It refuses to remove more than a share of the pages of a host. So a truncated crawl, or a link
  to a page of another site, cannot empty a host.
- What it removes depends on the crawl and the store alone. So it can be interrupted anywhere and
  repeated.

Memory: 16 bytes a page of the crawl (`engine.progress.seen`) and a few numbers a host. The store
is read twice in batches, without vectors: to count, then to remove.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from pulse_cli.engine.fault_points import fault_point
from pulse_cli.engine.limiter import Limiter
from pulse_cli.engine.progress.run_state import RunState
from pulse_cli.engine.progress.seen import SeenPages, host_of
from pulse_cli.engine.stop import Stop
from pulse_cli.errors import Fatal, PruneRefused
from pulse_cli.model import Filter
from pulse_cli.payload import CHUNK_INDEX, COMMITTED, KEY
from pulse_cli.ports import Store

MOST_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """`scope` is a prefix of page keys, "" for the hosts of the crawl. Unless `confirmed`, at most
    `count` pages of a host are removed, or the `share` (0..1) of them."""

    scope: str = ""
    count: int | None = None
    share: float | None = 0.2
    confirmed: bool = False


@dataclass(slots=True)
class HostPages:
    """Of one host: the pages in the store and in scope, and how many of them the crawl lacks."""

    stored: int = 0
    stale: int = 0


@dataclass(slots=True)
class StalePages:
    """What pruning would remove: counts by host, and the first 1,000 addresses."""

    hosts: dict[str, HostPages] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(host.stale for host in self.hosts.values())

    @property
    def stored(self) -> int:
        return sum(host.stored for host in self.hosts.values())

    def check(self, options: PruneOptions) -> None:
        """Raises PruneRefused where a host would lose more pages than allowed."""
        for name, host in self.hosts.items():
            most = options.count
            if most is None:
                share = 1.0 if options.share is None else options.share
                most = int(share * host.stored + 1e-9)
            if host.stale > most and not options.confirmed:
                raise _too_many(name, host, options)


async def prune_by_crawl(
    store: Store, limiter: Limiter, run_state: RunState, options: PruneOptions, stop: Stop
) -> int | None:
    """Remove what a crawl no longer holds, all of whose pages are in the seen file of its state.

    Returns how many pages were removed, None if a signal interrupted it. Raises PruneRefused.
    """
    if run_state.partial:
        raise not_whole(run_state.partial)
    seen = await asyncio.to_thread(lambda: SeenPages(run_state.seen.read()))
    return await Pruner(store, limiter, seen, options, stop).prune()


class Pruner:
    """Over one store, for one crawl."""

    def __init__(
        self, store: Store, limiter: Limiter, seen: SeenPages, options: PruneOptions, stop: Stop
    ) -> None:
        self._store = store
        self._limiter = limiter
        self._seen = seen
        self._options = options
        self._stop = stop
        self._removed = 0

    async def look(self) -> StalePages:
        """Count what would be removed. Reads only."""
        return await self._limiter.run(self._look)

    async def prune(self) -> int | None:
        """Remove the stale pages. Returns their number, None if a signal interrupted it.

        Raises PruneRefused where they are more than allowed, and then removes nothing.
        """
        found = await self.look()
        if self._stop.requested:
            return None
        found.check(self._options)
        if found.count:
            await self._limiter.run(self._remove)
        return None if self._stop.requested else self._removed

    async def _look(self) -> StalePages:
        found = StalePages()
        async for keys in self._batches():
            for key, stale in self._in_scope(keys):
                host = found.hosts.setdefault(self._options.scope or host_of(key), HostPages())
                host.stored += 1
                host.stale += stale
                if stale and len(found.examples) < MOST_SHOWN:
                    found.examples.append(key)
        return found

    async def _remove(self) -> None:
        async for keys in self._batches():
            stale = {key for key, lacks in self._in_scope(keys) if lacks}
            if stale:
                await self._store.delete_pages(sorted(stale))
                self._removed += len(stale)
                fault_point("pages-pruned")

    async def _batches(self) -> AsyncIterator[list[str]]:
        """The keys of all pages that may be in scope, found by their first chunks.

        An interrupted write may leave several first chunks of a page, none of them committed.
        """
        where = Filter(url_prefix=self._options.scope or None)
        cut_short: set[str] = set()
        async for hits in self._store.scroll((KEY, CHUNK_INDEX, COMMITTED), where):
            if self._stop.requested:
                return
            keys = []
            for payload in (hit.payload for hit in hits):
                key = payload.get(KEY)
                if payload.get(CHUNK_INDEX) != 0 or not isinstance(key, str) or key in cut_short:
                    continue
                if payload.get(COMMITTED) is False:
                    cut_short.add(key)
                keys.append(key)
            yield keys

    def _in_scope(self, keys: Sequence[str]) -> list[tuple[str, bool]]:
        """The pages in scope, and for each whether the crawl lacks it."""
        if self._options.scope:
            inside = [under(key, self._options.scope) for key in keys]
        else:
            inside = [bool(known) for known in self._seen.hosts([host_of(key) for key in keys])]
        held = self._seen.pages(keys)
        return [
            (key, not here) for key, here, within in zip(keys, held, inside, strict=True) if within
        ]


def under(key: str, prefix: str) -> bool:
    """Whether a page is below a prefix; a prefix without a path stands for exactly that host."""
    if not key.startswith(prefix):
        return False
    bare_host = "/" not in prefix.partition("://")[2]
    return not bare_host or key[len(prefix) :][:1] in ("", "/", "?")


def not_whole(reasons: Sequence[str]) -> Fatal:
    """The refusal to prune by a crawl that may be incomplete."""
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return PruneRefused(
        f"nothing was pruned, because the crawl may be incomplete: {reasons[0]}{more}",
        hint="prune with a crawl that is complete and can be read to its end",
    )


def _too_many(host: str, pages: HostPages, options: PruneOptions) -> Fatal:
    limit = f"{options.count} pages" if options.count is not None else f"{options.share or 0:.0%}"
    return PruneRefused(
        f"nothing was pruned: the crawl lacks {pages.stale:,} of the {pages.stored:,} pages of"
        f" {host} in the index, more than --max-prune {limit}",
        hint="see which with --prune --dry-run; if they are really gone, run it again with --yes",
    )
