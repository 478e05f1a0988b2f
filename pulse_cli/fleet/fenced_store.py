"""A store that writes only while the lease of a job is held."""

from __future__ import annotations

from typing import Any, cast

from pulse_cli.fleet.lease import Lease
from pulse_cli.ports import Store

WRITES = frozenset(
    {"set_committed", "upsert", "delete_pages", "delete_versions", "delete_other_versions"}
)


class _FencedStore:
    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in WRITES:
            return found

        async def write(*args: Any, **kwargs: Any) -> Any:
            self._lease.check()
            return await found(*args, **kwargs)

        return write


def fenced(store: Store, lease: Lease) -> Store:
    """The store, of which each write raises LeaseLost once the lease is lost."""
    return cast(Store, _FencedStore(store, lease))
