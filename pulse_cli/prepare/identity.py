"""Names of documents and chunks: textual, deterministic, and the same on every machine.

`canonical_url` only ever removes; it never decodes, re-encodes or reorders, because each
of these makes one page of two (`?a` and `?a=`, `%2F` and `/`). Http and https, hosts with
and without `www.`, paths with and without a final slash stay different pages.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pulse_cli.model import Document

SCHEME = "uuid5-url-version-index/2"
CONTENT_HASH = "sha256/1"

# Names of query parameters that tell where a visitor came from, never what the page is;
# compared without regard to case.
TRACKING = frozenset(
    (
        *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
        *("gclid", "gclsrc", "fbclid", "msclkid", "twclid", "li_fat_id", "mc_cid", "mc_eid"),
        *("_hsenc", "_hsmi", "hsctatracking", "_ga", "_gac", "_gl"),
    )
)

_WEB_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#(.*))?", re.I | re.S)
_DIRECTIVE = ":~:"  # of a browser (`#:~:text=found`), no part of the address
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_BLANK = " \t\r\n"
_SLICE = 1 << 20
_NAMESPACE = uuid.NAMESPACE_URL.bytes


def canonical_url(url: str) -> str:
    """The key of a page. Idempotent; anything but an http(s) URL is returned as it is.

    Lower-cases scheme and host, removes blanks around the URL, the default port, tracking
    parameters, and a fragment that names a section of the page. A fragment that is a route
    (`#/install`, `#!start`) stays: pages that a script shows differ in it alone. All else stays as
    it was, byte for byte (lone surrogates, which no store takes, become their escapes).
    """
    url = url.encode("utf-8", "backslashreplace").decode().strip(_BLANK)
    match = _WEB_URL.fullmatch(url)
    if not match:
        return url
    scheme, authority, path, query, fragment = match.groups(default="")
    scheme = scheme.lower()
    user, at, host = authority.rpartition("@")
    page = f"{scheme}://{user}{at}{_host(scheme, host)}{path}{_query(query)}"
    return f"{page.rstrip(_BLANK)}{_route(fragment)}"


def _route(fragment: str) -> str:
    """The fragment with its `#` if it is a route, else "".

    Firecrawl's crawler takes one with a slash and more than that for a page (its `noSections`);
    `#!` is how sites marked their routes for Google's crawler.
    """
    fragment = fragment.partition(_DIRECTIVE)[0].rstrip(_BLANK)
    is_route = len(fragment) > 1 and ("/" in fragment or fragment.startswith("!"))
    return f"#{fragment}" if is_route else ""


def _host(scheme: str, host: str) -> str:
    host = host.strip(_BLANK).lower()
    match = _HOST.fullmatch(host)
    if match and match[2] in ("", _DEFAULT_PORTS[scheme]):
        return match[1].strip(_BLANK)
    return host


def _query(query: str) -> str:
    parameters = query[1:].split("&")
    kept = [each for each in parameters if each.partition("=")[0].lower() not in TRACKING]
    if len(kept) == len(parameters):
        return query
    return "?" + "&".join(kept) if any(kept) else ""


def domain_of(url: str) -> str:
    """Host and port of a URL as they stand in it, without user-info; "" if there is none."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return ""
    return netloc.rpartition("@")[2].encode("utf-8", "backslashreplace").decode()


def version_of(content_hash: str, rev: str) -> str:
    """16 hex digits that stand for what a page says and for how it is written.

    Two versions of a page differ in them, and so in the ids of all their points.
    """
    return hashlib.sha256(f"{content_hash}\0{rev}".encode()).hexdigest()[:16]


def point_id(key: str, version: str, index: int) -> str:
    """UUID version 5 (RFC 9562) of chunk `index` of one version of a page.

    As `uuid.uuid5` makes it from NAMESPACE_URL and "key#version#index", in a quarter of its time.
    """
    name = f"{key}#{version}#{index}".encode()
    digest = hashlib.sha1(_NAMESPACE + name, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def content_hash(document: Document) -> str:
    """Hex sha256 of all of a document that is written: raw text and metadata.

    Each field is preceded by its kind and length, so that no two documents share what is
    hashed; lone surrogates are hashed as they are.
    """
    digest = hashlib.sha256(CONTENT_HASH.encode())
    for field in (
        document.url,
        document.source_url,
        document.title,
        document.description,
        document.language,
        document.country,
        None if document.is_mobile is None else str(document.is_mobile),
        document.text,
    ):
        digest.update(b"-" if field is None else b"%d:" % len(field))
        # In slices, so that a page of 50 MB is not encoded whole.
        for start in range(0, len(field or ""), _SLICE):
            part = (field or "")[start : start + _SLICE]
            digest.update(part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
