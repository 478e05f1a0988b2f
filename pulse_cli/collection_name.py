"""What may name a collection: it becomes a part of a URL and the name of a folder."""

from __future__ import annotations

import re

_NAME = re.compile(r'[^\x00-\x1f<>:"/\\|?*#%.][^\x00-\x1f<>:"/\\|?*#%]{0,199}')


def check_name(name: str) -> str:
    """`name`, if it is one. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            'expected a plain name without any of / \\ ? # % < > : " | * or a dot first'
        )
    return name
