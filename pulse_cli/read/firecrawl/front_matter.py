"""Reads and removes the front matter of a markdown page.

Front matter is YAML between two lines `---` (Jekyll's form, which most converters and site
generators write), or TOML between two lines `+++` (Hugo's). Address, title and description are read
from it, and it is removed from the text. A text that merely begins with a thematic break stays as
it is: every line has to look like front matter, and one of its names has to be a usual one. A page
that consists of front matter only keeps it, so that it has a text to be found by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

LONGEST = 16 * 1024
"""Most characters of front matter."""

_USUAL = frozenset(
    {
        "url", "source", "source_url", "sourceurl", "canonical", "canonical_url", "link",
        "permalink", "slug", "title", "description", "summary", "date", "author", "authors", "tags",
        "keywords", "categories", "lang", "language", "layout", "draft", "id", "sidebar_label",
        "sidebar_position", "weight", "published", "updated", "created", "scraped_at", "crawled_at",
    }
)  # fmt: skip
_BLOCK = re.compile(
    rf"(?:\ufeff)?\s{{0,100}}?(---|\+\+\+)[ \t]*\r?\n"
    rf"(.{{0,{LONGEST}}}?)^(?:\1|\.\.\.)[ \t]*(?:\r?\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_ENTRY = re.compile(r"([A-Za-z_][\w.-]{0,60})[ \t]*[:=](?:[ \t]+|\Z)(.*)\Z", re.DOTALL)
_OTHER = re.compile(r"[ \t]|#|-[ \t]|[\]}]|\[[\w.-]+\]\Z|\Z")
_QUOTED = {"'": re.compile(r"'((?:[^']|'')*+)'"), '"': re.compile(r'"((?:[^"\\]|\\.)*+)"')}
_COMMENT = re.compile(r"[ \t]#.*\Z")


class FrontMatter(NamedTuple):
    """`entries` by lower-case name (only those of one line); `text` is the rest of the page."""

    entries: Mapping[str, str]
    text: str


def split(text: str) -> FrontMatter:
    """The front matter of a page and the page without it; no entries where there is none."""
    if text.lstrip("\ufeff \t\r\n")[:3] not in ("---", "+++"):
        return FrontMatter({}, text)
    block = _BLOCK.match(text)
    if block is None:
        return FrontMatter({}, text)
    entries: dict[str, str] = {}
    for line in block[2].splitlines():
        entry = _ENTRY.match(line)
        if entry:
            entries[entry[1].lower()] = _value(entry[2])
        elif not _OTHER.match(line):
            return FrontMatter({}, text)
    if not _USUAL & entries.keys():
        return FrontMatter({}, text)
    rest = text[block.end() :]
    entries = {name: value for name, value in entries.items() if value}
    return FrontMatter(entries, rest if rest and not rest.isspace() else text)


def _value(text: str) -> str:
    """A scalar without its quotes or its comment; "" for a list, an object or a block."""
    text = text.strip()
    quote = text[:1]
    if quote in ("'", '"'):
        quoted = _QUOTED[quote].match(text)
        inner = quoted[1] if quoted else text[1:]
        return inner.replace("''", "'") if quote == "'" else re.sub(r"\\(.)", r"\1", inner)
    if quote in ("[", "{", "|", ">", "&", "*", "!"):
        return ""
    return _COMMENT.sub("", text)
