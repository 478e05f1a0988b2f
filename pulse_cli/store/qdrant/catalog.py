"""Lists, aliases and removes the collections of a Qdrant server.

References: https://api.qdrant.tech (Collections, Aliases, Telemetry).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pulse_cli.collection_name import check_name
from pulse_cli.errors import Fatal, Kind, NoIndex, PulseError, Rejected
from pulse_cli.store.qdrant.rest import Rest


class QdrantCatalog:
    """`store.catalog.Catalog` of one server."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float, trust_env: bool) -> None:
        """Make it inside a running event loop."""
        self._rest = Rest(url, "", api_key=api_key, timeout=timeout, trust_env=trust_env)

    async def collections(self) -> list[str]:
        with self._rest.client.first_contact():
            found = await self._rest.call("GET", "/collections")
        return sorted(one["name"] for one in found["collections"])

    async def aliases(self) -> dict[str, str]:
        found = await self._rest.call("GET", "/aliases")
        return {one["alias_name"]: one["collection_name"] for one in found["aliases"]}

    async def size(self, collection: str) -> int | None:
        """The size of the shards on this node, by its telemetry; None if the key may not ask."""
        try:
            found = await self._rest.call("GET", "/telemetry?details_level=3")
        except PulseError:
            return None
        for one in found.get("collections", {}).get("collections") or []:
            if one.get("id") == collection:
                return sum(_size(shard) for shard in one.get("shards") or [])
        return None

    async def set_alias(self, alias: str, collection: str) -> None:
        create = {"collection_name": collection, "alias_name": check_name(alias)}
        actions: list[dict[str, Any]] = [{"create_alias": create}]
        if alias in await self.aliases():
            actions.insert(0, {"delete_alias": {"alias_name": alias}})
        try:
            await self._rest.call("POST", "/collections/aliases", {"actions": actions})
        except Rejected as error:
            raise Fatal(
                f"{alias!r} cannot become an alias of {collection!r}: {error}",
                hint="choose an alias that is not the name of a collection",
                kind=Kind.COLLECTION,
            ) from error

    async def drop(self, collection: str) -> None:
        aliases = await self.aliases()
        if collection in aliases:
            actions = [{"delete_alias": {"alias_name": collection}}]
            await self._rest.call("POST", "/collections/aliases", {"actions": actions})
        elif not await self._rest.call("DELETE", f"/collections/{quote(collection, safe='')}"):
            raise NoIndex(
                f"there is no collection {collection!r} at {self._rest.server}",
                hint="`pulse ls` shows what there is",
            )

    async def aclose(self) -> None:
        await self._rest.close()


def _size(shard: Mapping[str, Any]) -> int:
    local = shard.get("local") or {}
    return int(local.get("vectors_size_bytes") or 0) + int(local.get("payloads_size_bytes") or 0)
