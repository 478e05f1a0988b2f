"""Lists, aliases and removes the collections of a Qdrant server.

References: https://api.qdrant.tech (Collections, Aliases, Telemetry).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pulse_cli.collection_name import check_name
from pulse_cli.errors import Fatal, Kind, NoIndex, PulseError, Rejected
from pulse_cli.store.qdrant.answers import (
    alias_names,
    collection_bytes,
    collection_names,
    success,
)
from pulse_cli.store.qdrant.rest import Rest


class QdrantCatalog:
    """`store.catalog.Catalog` of one server."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float, trust_env: bool) -> None:
        """Make it inside a running event loop."""
        self._rest = Rest(url, "", api_key=api_key, timeout=timeout, trust_env=trust_env)

    async def collections(self) -> list[str]:
        with self._rest.client.first_contact():
            return await self._rest.call("GET", "/collections", read=collection_names)

    async def aliases(self) -> dict[str, str]:
        return await self._rest.call("GET", "/aliases", read=alias_names)

    async def size(self, collection: str) -> int | None:
        """The size of the shards on this node, by its telemetry; None if the key may not ask."""
        try:
            return await self._rest.call(
                "GET",
                "/telemetry?details_level=3",
                read=lambda result: collection_bytes(result, collection),
            )
        except PulseError:
            return None

    async def set_alias(self, alias: str, collection: str) -> None:
        create = {"collection_name": collection, "alias_name": check_name(alias)}
        actions: list[dict[str, Any]] = [{"create_alias": create}]
        if alias in await self.aliases():
            actions.insert(0, {"delete_alias": {"alias_name": alias}})
        try:
            await self._change({"actions": actions})
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
            await self._change({"actions": actions})
        elif not await self._rest.call(
            "DELETE", f"/collections/{quote(collection, safe='')}", read=success
        ):
            raise NoIndex(
                f"there is no collection {collection!r} at {self._rest.server}",
                hint="`pulse ls` shows what there is",
            )

    async def aclose(self) -> None:
        await self._rest.close()

    async def _change(self, actions: dict[str, Any]) -> None:
        await self._rest.call("POST", "/collections/aliases", actions, read=success)
