"""A file of HTML as a page: decodes its bytes, and reads its head.

The address is the one that the page names itself: its canonical link, `og:url`, or the comment of
the browser that saved the page. `<base>` comes last, because it may be that of the whole site.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urljoin

from pulse_cli.read.firecrawl.address import cleaned, problem

HEAD = 512 * 1024
"""Characters at the beginning of a page in which its head is looked for."""

_END_OF_HEAD = re.compile(r"</head\s*>|<body\b", re.IGNORECASE)
_CHARSET = re.compile(
    rb"<meta\b[^<>]{0,200}?charset\s*=\s*[\"']?\s*((?:windows-|iso-8859-|koi8|gb|big5|euc-|shift|x-sjis"
    rb"|iso-2022-jp|macintosh|tis-620)[\w.:-]{0,20})",
    re.IGNORECASE,
)
"""The charsets of the web (WHATWG Encoding) that ASCII can name, UTF-8 apart."""

_SAVED = re.compile(
    r"<!--\s{0,20}(?:saved from url=(?:\(\d{1,6}\))?|Page saved with SingleFile\s{0,20}url:\s?)"
    r"(https?://[^\s<>]{1,4000})"
)


class Head(NamedTuple):
    """The head of a page. `address` is that of the page, `base` is the base of its links."""

    address: str | None
    base: str | None
    title: str | None
    description: str | None
    language: str | None


def text_of(data: bytes) -> str:
    """The text of a page: decoded as UTF-8, else by its own charset, else as browsers guess."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if named := _CHARSET.search(data, 0, 4096):
        try:
            return data.decode(named[1].decode("ascii"), errors="replace")
        except LookupError:
            pass
    return data.decode("windows-1252", errors="replace")


def head_of(html: str, address: str | None) -> Head:
    """Read the head of a page. Relative addresses in it are completed by `address`, if given."""
    found: Any = _metadata(html[:HEAD])
    open_graph = found.open_graph
    base = _absolute(found.base_href, address)
    candidates = [
        _absolute(found.canonical_url, base or address),
        _absolute(open_graph.get("url"), base or address),
    ]
    if saved := _SAVED.search(html, 0, 4096):
        candidates.append(_absolute(saved[1], None))
    return Head(
        next(filter(None, candidates), None),
        base,
        found.title or open_graph.get("title"),
        found.description or open_graph.get("description"),
        found.language,
    )


def _metadata(html: str) -> Any:
    from html_to_markdown import ConversionOptions, convert

    end = _END_OF_HEAD.search(html)
    head = html[: end.start()] if end else html[: HEAD // 16]
    return convert(f"{head}</head>", ConversionOptions(extract_metadata=True)).metadata.document


def _absolute(address: str | None, base: str | None) -> str | None:
    """An address of the web, or None."""
    if not address:
        return None
    try:
        whole = cleaned(urljoin(base or "", address))
    except ValueError:
        return None
    return (
        whole if whole.lower().startswith(("http://", "https://")) and not problem(whole) else None
    )
