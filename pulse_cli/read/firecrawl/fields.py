"""Finds the fields of a page, in all the spellings that exist.

Real metadata is irregular: any value may be a string, a list or an object (a repeated meta tag
becomes a list, `favicon` an object), so only values of the right type are taken. For each field
these places are tried in order: `source.map`, metadata, the page itself, other names in metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Places(NamedTuple):
    metadata: tuple[str, ...]
    page: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()


_ASKED_FOR = ("sourceURL", "source_url", "sourceUrl")
URL = Places(
    ("url", *_ASKED_FOR),
    ("url", *_ASKED_FOR, "resolvedUrl"),
    ("source", "ogUrl", "og_url", "og:url"),
)
SOURCE_URL = Places(_ASKED_FOR, (*_ASKED_FOR, "resolvedUrl"))
TITLE = Places(("title",), ("title",), ("ogTitle", "og_title", "og:title"))
DESCRIPTION = Places(("description",), ("description",))
LANGUAGE = Places(("language",), ("language",))
COUNTRY = Places(("country",), ("country",))
MOBILE = Places(("isMobile", "is_mobile"), ("isMobile", "is_mobile"))
STATUS = Places(("statusCode", "status_code", "pageStatusCode"), ("statusCode", "status_code"))

_STATUS = re.compile(r"[1-9][0-9]{2}\Z")


class Fields:
    """Takes fields out of pages; `field_map` as in `ReadOptions`."""

    def __init__(self, field_map: Mapping[str, str]) -> None:
        self._map = {name: (path, path.split(".")) for name, path in field_map.items()}

    def mapped(self, page: dict[str, Any], name: str) -> Any:
        """The value at the place of the map. A key that contains dots is tried first as it is."""
        if name not in self._map:
            return None
        whole, path = self._map[name]
        if whole in page:
            return page[whole]
        value: Any = page
        for key in path:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def string(
        self, name: str, places: Places, page: dict[str, Any], metadata: dict[str, Any]
    ) -> str | None:
        """The first string that is not blank; of a list its first one."""
        for value in self._values(name, places, page, metadata):
            if text := first_string(value):
                return text
        return None

    def joined(
        self, name: str, places: Places, page: dict[str, Any], metadata: dict[str, Any]
    ) -> str | None:
        """The same, the strings of a list joined."""
        for value in self._values(name, places, page, metadata):
            if isinstance(value, list):
                value = ", ".join(item for item in value if first_string(item))
            if text := first_string(value):
                return text
        return None

    def strings(
        self, name: str, places: Places, page: dict[str, Any], metadata: dict[str, Any]
    ) -> Iterator[str]:
        for value in self._values(name, places, page, metadata):
            if text := first_string(value):
                yield text

    def boolean(
        self, name: str, places: Places, page: dict[str, Any], metadata: dict[str, Any]
    ) -> bool | None:
        for value in self._values(name, places, page, metadata):
            if isinstance(value, bool):
                return value
        return None

    def status(self, page: dict[str, Any], metadata: dict[str, Any]) -> int | None:
        """The HTTP status."""
        for value in self._values("status", STATUS, page, metadata):
            if type(value) is int:
                return value
            if isinstance(value, str) and _STATUS.match(value):
                return int(value)
        return None

    def _values(
        self, name: str, places: Places, page: dict[str, Any], metadata: dict[str, Any]
    ) -> Iterator[Any]:
        """The values at these places, without null."""
        if self._map and (value := self.mapped(page, name)) is not None:
            yield value
        for key in places.metadata:
            if (value := metadata.get(key)) is not None:
                yield value
        for key in places.page:
            if (value := page.get(key)) is not None:
                yield value
        for key in places.fallback:
            if (value := metadata.get(key)) is not None:
                yield value


def first_string(value: Any) -> str | None:
    """The string, or the first of a list, that is not blank."""
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, str) and item and not item.isspace():
            return item
    return None


def metadata_of(page: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a page, even if it is flattened as in a table: `metadata.title`."""
    metadata = page.get("metadata")
    if isinstance(metadata, dict):
        return metadata
    return {
        key[len("metadata.") :]: value
        for key, value in page.items()
        if key.startswith(("metadata.", "metadata_"))
    }
