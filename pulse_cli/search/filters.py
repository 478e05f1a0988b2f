"""Filters as people write them: `domain=docs.example`, `url=https://docs.example/guide/*`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from pulse_cli.errors import Fatal, Kind
from pulse_cli.model import Filter
from pulse_cli.payload import FILTERS

URL_FIELDS = ("url", "url_prefix")
FIELDS = (*FILTERS, *URL_FIELDS)
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_filters(pairs: Sequence[str]) -> Filter:
    """A Filter of `key=value` pairs, all of which must match. Raises Fatal (exit 2)."""
    equals: dict[str, str | bool] = {}
    prefix: str | None = None
    for pair in pairs:
        name, found, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if not found or not value or name not in FIELDS:
            raise _wrong(pair, f"write it as name=value with name one of {', '.join(FIELDS)}")
        if name in equals or (name in URL_FIELDS and prefix is not None):
            raise _wrong(pair, f"{name} is given twice")
        if name in URL_FIELDS:
            prefix = url_prefix(value)
        elif FILTERS[name] == "bool":
            if value.lower() not in _TRUTH:
                raise _wrong(pair, f"{name} is true or false")
            equals[name] = _TRUTH[value.lower()]
        else:
            equals[name] = value
    return Filter(equals, prefix)


def url_prefix(value: str) -> str:
    """A prefix of canonical URLs: scheme and host in lower case, without the final `*`."""
    prefix = value.removesuffix("*")
    if "*" in prefix:
        raise _wrong(value, "a * may only stand at the end of a URL")
    parts = urlsplit(prefix)
    if parts.scheme and parts.netloc:
        start = len(parts.scheme) + len("://") + len(parts.netloc)
        prefix = prefix[:start].lower() + prefix[start:]
    return prefix


def _wrong(pair: str, hint: str) -> Fatal:
    return Fatal(f"filter {pair!r} is not understood", hint=hint, kind=Kind.USAGE)
