"""Which pages hold a query word for word.

Neither list sees the order of words: BM25 counts them wherever they stand in a chunk, and a vector
holds their meaning. A user who pastes a sentence, a title or an error message wants the page where
it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from pulse_cli.model import Hit
from pulse_cli.payload import SECTION, TEXT, TITLE
from pulse_cli.search.fusion import page_key

LOOKED_AT = 100  # hits; what holds all words in a row is among the best of BM25
LEAST_CHARACTERS = 4  # of text without spaces between words
_BETWEEN = re.compile(r"[\W_]+")
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
)


def pages_with_phrase(query: str, hits: Sequence[Hit]) -> frozenset[str]:
    """The pages (by `fusion.page_key`) of those hits that hold all words of `query` in a row.

    Letter case and what stands between words do not matter. One word alone is no phrase.
    """
    words = _BETWEEN.sub(" ", _folded(query)).split()
    spaced = not any(map(_UNSPACED.search, words))
    if len(words) < 2 if spaced else sum(map(len, words)) < LEAST_CHARACTERS:
        return frozenset()
    # A beginning that is a plain text is found many times as fast as one that is a condition.
    phrase = re.compile(r"[\W_]+".join(map(re.escape, words)))
    return frozenset(
        page_key(hit)
        for hit in hits[:LOOKED_AT]
        if any(
            not spaced or _is_whole(found) for found in phrase.finditer(_folded(_said(hit.payload)))
        )
    )


def _said(payload: Mapping[str, Any]) -> str:
    """What a chunk and its context say."""
    parts = (payload.get(name) for name in (TITLE, SECTION, TEXT))
    return "\n".join(part for part in parts if isinstance(part, str))


def _folded(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def _is_whole(found: re.Match[str]) -> bool:
    """Whether the first and the last word are whole words of the text."""
    text, start, end = found.string, found.start(), found.end()
    return not (start and text[start - 1].isalnum()) and not text[end : end + 1].isalnum()
