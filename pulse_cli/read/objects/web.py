"""Reads files on web servers (`http://`, `https://`), from any byte on if the server can.

Guarantees: only the host in the address is contacted (redirects are refused, as everywhere in
pulse). No secret part of an address is shown. Bytes of two versions are never mixed: a strong ETag
is sent (`If-Match`) and compared. If a server sends no ETag, or supports no ranges (RFC 9110,
section 14), the file has no `etag` here, and is read from its beginning each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import quote, urlsplit

from pulse_cli.errors import Fatal, Kind, PulseError, Transient
from pulse_cli.model import Input
from pulse_cli.net.address import Address, Peer
from pulse_cli.net.answer import Answer
from pulse_cli.net.blocking import BlockingDownload, downloading
from pulse_cli.net.client import Client
from pulse_cli.read.bytes.unpack import CHUNK
from pulse_cli.read.objects.changes import changed, gone
from pulse_cli.read.objects.ranges import Part
from pulse_cli.read.options import ObjectOptions

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_SERVER = Peer("the web server", "the address", "the address")
_READABLE = frozenset({"identity", "", "gzip", "x-gzip", "zstd"})
"""Content encodings that `unpack` can decode; pulse requests none of them."""
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)\Z")
_LEAST_SECRET = 8


class WebFiles:
    """Files on web servers. With `trust_env` the proxies of the environment are used."""

    def __init__(self, options: ObjectOptions, *, trust_env: bool) -> None:
        self._options = options
        self._trust_env = trust_env

    def look(self, name: str) -> Input:
        """The file as it is now, by a request for its first byte. Raises Transient, Fatal."""
        with self._asked(name, {"range": "bytes=0-0"}) as download:
            answer = download.answer
            if answer.status in (404, 410):
                raise Fatal(
                    f"{name} does not exist ({answer.status})",
                    hint="check the address (`*` matches in buckets only, not on web servers)"
                    if "*" in name
                    else "check the address",
                    kind=Kind.MISSING_SOURCE,
                )
            if answer.status == 416:
                return Input(name, 0)
            _check(name, answer)
            return _input(name, answer)

    def chunks(self, part: Part) -> Iterator[bytes]:
        """The bytes of a part of a file, at most CHUNK at a time; more than that may follow.

        Raises SourceChanged where the file has changed, Transient, Fatal.
        """
        one, start = part.one, part.start
        headers = {}
        if start or part.end < (one.size or 0):
            headers["range"] = f"bytes={start}-{part.end - 1 if part.end else ''}"
        if one.etag:
            headers["if-match"] = one.etag
        with self._asked(one.name, headers) as download:
            answer = download.answer
            if answer.status in (404, 410):
                raise gone(one.name)
            if answer.status in (412, 416):
                raise changed(one.name)
            _check(one.name, answer)
            if (one.etag and _strong_etag(answer) != one.etag) or _is_shorter(answer, one):
                raise changed(one.name)
            left_out = start if answer.status == 200 else 0
            if not left_out and start and _content_range(answer)[0] != start:
                raise changed(one.name)
            while chunk := download.piece(CHUNK):
                yield from filter(None, [chunk[left_out:]])
                left_out = max(0, left_out - len(chunk))

    def _asked(
        self, name: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[BlockingDownload]:
        address, path = self._address(name)
        connect = partial(Client, address, timeout=self._options.timeout, trust_env=self._trust_env)
        return downloading(connect, path, headers)

    def _address(self, name: str) -> tuple[Address, str]:
        parts = urlsplit(self._options.addresses.get(name, name))
        address = Address.parse(f"{parts.scheme}://{parts.netloc}", _SERVER)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        if not parts.query:
            return address, path
        values = [parts.query, *(pair.partition("=")[2] for pair in parts.query.split("&"))]
        secrets = [value for value in values if len(value) >= _LEAST_SECRET]
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
        return replace(address, secrets=(*address.secrets, *secrets)), f"{path}?{query}"


def _check(name: str, answer: Answer) -> None:
    """Raises Transient, Fatal where the answer is not the file."""
    status = answer.status
    encoding = answer.headers.get("content-encoding", "").lower()
    if status in (200, 206) and encoding in _READABLE:
        return
    if status in (200, 206):
        raise _refused(name, f"comes compressed ({encoding}), though not asked to", "")
    if status in PASSING:
        overload = status in (429, 503)
        what = f"{answer.sender.shown} answers {status}"
        raise Transient(what, overload=overload, retry_after=answer.retry_after)
    if status in (401, 403):
        raise _refused(
            name,
            f"is refused ({status})",
            "write its password or query (a signature) again, if it has one: neither is kept",
            Kind.AUTH,
        )
    if 300 <= status < 400:
        what = f"is {answer.described()}"
        raise _refused(name, what, "use the address it leads to", Kind.REDIRECT)
    raise _refused(name, f"is answered with {status}", "check the address")


def _refused(name: str, what: str, hint: str, kind: Kind = Kind.REFUSED) -> PulseError:
    return Fatal(f"{name} {what}", hint=hint, kind=kind)


def _input(name: str, answer: Answer) -> Input:
    if answer.status == 206:
        return Input(name, _content_range(answer)[1], _modified(answer), etag=_strong_etag(answer))
    length = answer.headers.get("content-length", "")
    return Input(name, int(length) if length.isdecimal() else None, _modified(answer))


def _is_shorter(answer: Answer, one: Input) -> bool:
    size = _input(one.name, answer).size
    return size is not None and one.size is not None and size < one.size


def _strong_etag(answer: Answer) -> str:
    etag = answer.headers.get("etag", "")
    return "" if etag.startswith("W/") else etag


def _content_range(answer: Answer) -> tuple[int | None, int | None]:
    """Where the bytes of the answer begin, and the size of the file."""
    found = _RANGE.match(answer.headers.get("content-range", ""))
    if not found:
        return None, None
    first, total = found.groups()
    return int(first) if first else None, int(total) if total.isdecimal() else None


def _modified(answer: Answer) -> int | None:
    try:
        moment = parsedate_to_datetime(answer.headers.get("last-modified", ""))
        return int(moment.timestamp()) * 1_000_000_000
    except (ValueError, OverflowError):
        return None
