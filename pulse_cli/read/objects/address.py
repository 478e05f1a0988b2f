"""Addresses of objects, and the part of an address that may be shown.

The **public name** of an object is its address without user, password, query and fragment. Only
that is stored, printed and compared. So a signature in a query is never written anywhere, and the
same object is recognised under a new signature. The full address is kept in memory only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from pulse_cli.errors import Fatal, Kind

BUCKETS = ("s3://", "gs://", "az://")
WEB = ("http://", "https://")
HIDDEN = "***"
"""The placeholder for a secret part of an address in a command that is printed."""


class ObjectAddress(NamedTuple):
    """An object or a prefix of objects in a bucket (a container, as Azure calls it)."""

    scheme: str
    bucket: str
    key: str

    def name(self, key: str) -> str:
        """The public name of another key of the bucket."""
        return f"{self.scheme}://{self.bucket}/{key}"


def is_object(spec: str) -> bool:
    """Whether a source is the address of objects, and not of a file."""
    return spec.lower().startswith((*BUCKETS, *WEB))


def is_web(spec: str) -> bool:
    return spec.lower().startswith(WEB)


def bucket_address(name: str) -> ObjectAddress:
    """The parts of `s3://bucket/key`. Raises Fatal where there is no bucket, or a password."""
    scheme, _, rest = name.partition("://")
    bucket, _, key = rest.partition("/")
    if "@" in bucket or ":" in bucket:
        raise _usage(
            f"an {scheme.lower()}:// address holds a key or a password",
            "remove it: credentials are taken from the environment",
        )
    if not bucket:
        raise _usage(f"{name!r} names no bucket", f"write {scheme.lower()}://BUCKET/PREFIX")
    return ObjectAddress(scheme.lower(), bucket, key.lstrip("/"))


def public_name(spec: str) -> str:
    """The address of an object without its secrets. Raises Fatal where it is invalid."""
    if not is_web(spec):
        address = bucket_address(spec)
        return address.name(address.key)
    parts = _split(spec)
    path = parts.path or "/"
    return f"{parts.scheme}://{_host(parts.netloc)}{path}"


def given_addresses(specs: Iterable[str]) -> dict[str, str]:
    """The full addresses, by their public names, of the sources whose address holds secrets.

    Raises Fatal where two differ in their secrets only, or where a placeholder was not filled in.
    """
    given: dict[str, str] = {}
    for spec in filter(is_web, specs):
        name = public_name(spec)
        parts = _split(spec)
        if HIDDEN in (parts.query, parts.username):
            raise _usage(
                f"{name}: a part of its address is missing",
                f"write the password or the query of the address in place of {HIDDEN}",
            )
        if given.setdefault(name, spec) != spec:
            raise _usage(
                f"{name} is named twice, with different queries or passwords",
                "index them one after the other",
            )
    return {name: spec for name, spec in given.items() if spec != name}


def command_word(spec: str) -> str:
    """The address for a printed command, with placeholders for its secrets."""
    if not is_web(spec):
        return spec
    name = public_name(spec)
    parts = _split(spec)
    if "@" in parts.netloc:
        name = name.replace("://", f"://{HIDDEN}@", 1)
    return f"{name}?{HIDDEN}" if parts.query else name


def _split(spec: str) -> SplitResult:
    try:
        parts = urlsplit(spec)
        if parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise _usage("the address of a source is not valid", "write it as http(s)://HOST/PATH")


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2].lower()


def _usage(message: str, hint: str) -> Fatal:
    return Fatal(message, hint=hint, kind=Kind.USAGE)
