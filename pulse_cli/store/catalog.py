"""The port of a place that holds several collections: a server or a folder."""

from __future__ import annotations

from typing import Protocol


class Catalog(Protocol):
    """The collections of one server or one folder. Raises Transient, Rejected, Fatal."""

    async def collections(self) -> list[str]:
        """Their names in order, without aliases."""

    async def aliases(self) -> dict[str, str]:
        """The second names of collections: alias -> collection."""

    async def size(self, collection: str) -> int | None:
        """Bytes of vectors and payloads, on disk for a folder; None where it is not known."""

    async def set_alias(self, alias: str, collection: str) -> None:
        """Make `alias` a name of `collection`, in one step for all readers."""

    async def drop(self, collection: str) -> None:
        """Remove the collection with all its points. Raises NoIndex where there is none."""

    async def aclose(self) -> None: ...
