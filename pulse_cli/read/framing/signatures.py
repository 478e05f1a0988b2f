"""Recognises the format of a file that is not JSON, by its first bytes and not by its name.

Signatures: https://en.wikipedia.org/wiki/List_of_file_signatures. Kinds of text are recognised by
their form.
"""

from __future__ import annotations

import re

LOOK = 64 * 1024
"""How many bytes at the beginning are examined."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"),
    (b"{\\rtf", "office"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"\x00\x00\x01\x00", "image"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"ID3", "media"),
    (b"OggS", "media"),
    (b"fLaC", "media"),
    (b"\x1aE\xdf\xa3", "media"),
)
_ZIP = b"PK\x03\x04"
_OFFICE_PARTS = (b"word/", b"xl/", b"ppt/", b"[Content_Types].xml", b"application/vnd.oasis")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*|<!--.{0,8000}?-->\s*){0,20}<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(rb"\s*<(?:\?xml|[a-zA-Z][\w:.-]*[\s>/])")
_SITEMAP = re.compile(rb"<(?:\w+:)?(?:urlset|sitemapindex)\b")
_SVG = re.compile(rb"<svg\b", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+")
_SEPARATORS = ("\t", ",", ";")

BY_SIGNATURE = frozenset({"pdf", "office", "image", "media", "parquet", "sqlite", "zip", "tar"})
"""Kinds that are certainly no text, so they are no pages even if the user gives an address."""


def kind_of(data: bytes) -> str:
    """One of `BY_SIGNATURE`, "html", "sitemap", "xml", "csv", "addresses", "text", "binary"."""
    head = data[:LOOK]
    if head.startswith(_ZIP):
        return "office" if any(part in head for part in _OFFICE_PARTS) else "zip"
    for signature, kind in _SIGNATURES:
        if head.startswith(signature) and (len(signature) > 2 or b"\x00" in head):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI ")):
        return "media"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image"
    return _markup(head) or _text(head)


def _markup(head: bytes) -> str | None:
    if _HTML.match(head):
        return "html"
    if not _XML.match(head):
        return None
    if _SITEMAP.search(head):
        return "sitemap"
    return "image" if _SVG.search(head[:2000]) else "xml"


def _text(head: bytes) -> str:
    if b"\x00" in head:
        return "binary"
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4 or len(head) < LOOK:
            return "binary"
        text = head[: error.start].decode("utf-8-sig")
    lines = [line for line in text.splitlines() if line.strip()]
    if len(head) == LOOK:
        lines = lines[:-1]
    if lines and all(_ADDRESS.fullmatch(line.strip()) for line in lines):
        return "addresses"
    return "csv" if _is_table(lines) else "text"


def _is_table(lines: list[str]) -> bool:
    """Whether each of the first lines holds the same number of separators, outside quotes."""
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines[:5]]
    return len(bare) > 1 and any(
        bare[0].count(sign) and all(line.count(sign) == bare[0].count(sign) for line in bare)
        for sign in _SEPARATORS
    )
