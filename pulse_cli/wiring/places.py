"""Finds the collection that a command names: by its name, or by an address.

`NAME` is a collection at the place of the settings. `http://HOST:6333/NAME` is one on a server,
`DIR/NAME` an embedded one in a folder. The key and password of the settings are sent only to the
server of the settings; another server gets qdrant.other_api_key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pulse_cli.collection_name import check_name
from pulse_cli.errors import Fatal, Kind

if TYPE_CHECKING:
    from pulse_cli.config import Settings


def at(settings: Settings, spec: str) -> Settings:
    """The same settings for the collection that `spec` names. Raises Fatal (exit 2)."""
    place, slash, name = spec.rstrip("/").rpartition("/")
    try:
        if not slash:
            return _changed(settings, {"collection": check_name(spec)})
        if "://" in spec:
            return _at_server(settings, place, check_name(unquote(name)))
        url = str(Path(place or "/").expanduser().absolute())
        return _changed(settings, {"collection": check_name(name), "url": url})
    except ValueError as error:
        raise Fatal(
            f"{spec!r} names no collection: {error}",
            hint="write NAME, http://HOST:6333/NAME or DIR/NAME",
            kind=Kind.USAGE,
        ) from error


def embedded(settings: Settings) -> Settings:
    """The same settings for the default folder of embedded indexes."""
    return _changed(settings, {"url": None})


def _at_server(settings: Settings, url: str, name: str) -> Settings:
    from pulse_cli.config.service import Qdrant

    mine = settings.qdrant
    if mine.url is not None and _host(url) == _host(mine.url):
        return _changed(settings, {"collection": name})
    named = Qdrant.model_validate({"url": url, "collection": name})
    return _changed(
        settings,
        {
            "url": named.url,
            "basic_auth": named.basic_auth,
            "collection": name,
            "api_key": mine.other_api_key,
        },
    )


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _changed(settings: Settings, values: Mapping[str, object]) -> Settings:
    return settings.model_copy(update={"qdrant": settings.qdrant.model_copy(update=values)})
