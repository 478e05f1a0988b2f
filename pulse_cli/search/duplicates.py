"""Shows pages with the same text under several addresses as one result.

Two pages are the same if their passages and their lengths are equal, whatever their addresses
(mirrors, http and https). If the addresses differ only in parts that seldom matter (scheme, `www.`,
a final slash, `index.html`, `amp` and print views), it is enough that nine tenths of the sequences
of three words are equal, because a print view lacks a menu.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from pulse_cli.payload import CHUNK_COUNT, DOC_TOKENS, TEXT
from pulse_cli.search.fusion import Page

ALIKE = 0.9
_IN_A_ROW = 3  # words
_WORD = re.compile(r"\w+")
_INDEX = re.compile(r"/(?:index|default)\.(?:x?html?|php|aspx?)$", re.IGNORECASE)
_VIEW = re.compile(r"/(?:amp|print|printable|printview)(?=/|$)", re.IGNORECASE)
_VIEW_NAMES = frozenset({"amp", "print", "printable", "printview", "view", "output", "outputtype"})
_VIEW_VALUES = frozenset({"", "1", "true", "yes", "amp", "print", "printable"})


@dataclass(slots=True)
class Group:
    """The best page of those with one text, and the others, best first."""

    best: Page
    others: list[Page] = field(default_factory=list)


def grouped(pages: Iterable[Page]) -> list[Group]:
    """`pages` (best first) in groups of the same text, in order of the best of each."""
    groups: list[Group] = []
    by_text: dict[tuple[str, object, object], Group] = {}
    by_address: dict[str, Group] = {}
    for page in pages:
        text, address = _fingerprint(page), plain_address(page.key)
        near = by_address.get(address)
        same = by_text.get(text) if text[0] else None
        group = same or (near if near and _alike(near.best, page) else None)
        if group is None:
            group = Group(page)
            groups.append(group)
        else:
            group.others.append(page)
        by_text.setdefault(text, group)
        by_address.setdefault(address, group)
    return groups


def plain_address(url: str) -> str:
    """A URL without the parts that seldom matter (see the module docstring)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    path = _VIEW.sub("", _INDEX.sub("", parts.path)).rstrip("/")
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name.lower() not in _VIEW_NAMES or value.lower() not in _VIEW_VALUES
    ]
    host = parts.netloc.lower().removeprefix("www.")
    return f"{host}{path}?{urlencode(query)}#{parts.fragment}"


def _fingerprint(page: Page) -> tuple[str, object, object]:
    payload = page.chunks[0].payload
    words = " ".join(_words(page))
    return words, payload.get(CHUNK_COUNT), payload.get(DOC_TOKENS)


def _alike(one: Page, other: Page) -> bool:
    """Whether nine tenths of the word sequences of the shorter passage are in the other one."""
    first, second = sorted((_rows(_words(one)), _rows(_words(other))), key=len)
    return bool(first) and len(first & second) >= ALIKE * len(first)


def _words(page: Page) -> Sequence[str]:
    return _WORD.findall(str(page.chunks[0].payload.get(TEXT) or "").casefold())


def _rows(words: Sequence[str]) -> set[tuple[str, ...]]:
    size = min(_IN_A_ROW, len(words))
    return set(zip(*(words[at:] for at in range(size)), strict=False)) if size else set()
