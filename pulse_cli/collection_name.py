"""What may name a collection: it becomes a part of a URL and the name of a folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from difflib import get_close_matches

_LISTED = 20
_NAME = re.compile(r'[^\x00-\x1f<>:"/\\|?*#%.][^\x00-\x1f<>:"/\\|?*#%]{0,199}')


def check_name(name: str) -> str:
    """`name`, if it is one. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            'expected a plain name without any of / \\ ? # % < > : " | * or a dot first'
        )
    return name


def instead_of(name: str, there_are: Sequence[str]) -> str:
    """What to do where there is no collection `name` but there are these."""
    if not there_are:
        return "run `pulse index` first"
    meant = get_close_matches(name, there_are, n=1)
    listed = ", ".join(there_are[:_LISTED])
    if more := len(there_are) - _LISTED:
        listed += f" and {more} more" if more > 0 else ""
    hint = f"did you mean --collection {shlex.quote(meant[0])}? " if meant else ""
    return f"{hint}there are: {listed}; or run `pulse index` first"
