"""Advice for a record that pulse cannot read: the `source.map` that would read it."""

from __future__ import annotations

import re
from typing import Any

from pulse_cli.read.firecrawl.members import Member, is_address, possible_texts, strings

MOST_KEYS = 12

_MAPPABLE = re.compile(r"[\w.@:/+-]{1,100}\Z")
_OF_A_PAGE = re.compile(r"(?:\A|[\W_]|(?<=[a-z]))(?:url|uri|link|href|permalink|page|loc)\Z", re.I)
_OF_OTHERS = re.compile(
    r"image|img|thumb|icon|logo|avatar|screenshot|video|audio|feed|api|next|prev|home|author", re.I
)


def keys_of(record: dict[str, Any]) -> str:
    """The names of its members, for a message."""
    shown = ", ".join(repr(key[:40]) for key in list(record)[:MOST_KEYS])
    return f"{shown}, ..." if len(record) > MOST_KEYS else shown or "none"


def map_for(record: dict[str, Any], *, text: bool, url: bool) -> str:
    """`; to read it: --set source.map='url=link,text=story'`, "" where nothing fits.

    `text` and `url` say which of the two pulse did not find by itself.
    """
    found: list[str] = []
    if url:
        address = _address(record)
        if address is None:
            return ""
        found.append(f"url={address}")
    if text:
        longest = _longest_text(record)
        if longest is None:
            return ""
        found.append(f"text={longest}")
    return f"; to read it: --set source.map='{','.join(found)}'" if found else ""


def _address(record: dict[str, Any]) -> str | None:
    """The member that most likely holds the address of the page."""
    likely = [one.path for one in strings(record) if _can_be_mapped(one) and is_address(one.text)]
    likely = [path for path in likely if not _OF_OTHERS.search(path)] or likely
    return next((path for path in likely if _OF_A_PAGE.search(path)), next(iter(likely), None))


def _longest_text(record: dict[str, Any]) -> str | None:
    candidates = [one for one in possible_texts(record) if _can_be_mapped(one)]
    return max(candidates, key=lambda one: len(one.text)).path if candidates else None


def _can_be_mapped(member: Member) -> bool:
    return not member.in_list and bool(_MAPPABLE.match(member.path))
