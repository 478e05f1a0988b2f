"""Text from outside, made fit for a terminal.

Titles, URLs and messages of services come from anyone. A control sequence in them could
move the cursor, set the window's title or hide text, and a bidi control could make a URL
read as another one. What is dangerous is shown as `\\x1b` or `\\u202e`, so it stays visible;
the two joiners that real words and emoji need are kept. Credentials in a URL are masked.
"""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
_INVISIBLE = "\u00ad\u200b\u2060\ufeff"
_USER_INFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@")
_DANGEROUS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def sanitize(text: str) -> str:
    """`text` on one line, without credentials or anything that a terminal obeys."""
    text = mask_credentials(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in " ".join(text.split()))


def mask_credentials(text: str) -> str:
    """`text` with the user-info of every URL in it replaced by `***`."""
    return _USER_INFO.sub(r"\1***@", text) if "@" in text else text


def _shown(char: str) -> str:
    if char in _JOINERS or unicodedata.category(char) not in _DANGEROUS:
        return char
    if char in _INVISIBLE:
        return ""
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"
