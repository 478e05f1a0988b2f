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
    words = _plain(query)
    if _UNSPACED.search(words):
        if len(words) < LEAST_CHARACTERS:
            return frozenset()
        needle = words
    elif " " in words:
        needle = f" {words} "
    else:
        return frozenset()
    return frozenset(page_key(hit) for hit in hits[:LOOKED_AT] if needle in _said(hit.payload))


def _said(payload: Mapping[str, Any]) -> str:
    """What a chunk and its context say."""
    parts = (payload.get(name) for name in (TITLE, SECTION, TEXT))
    return f" {_plain(' '.join(part for part in parts if isinstance(part, str)))} "


def _plain(text: str) -> str:
    return _BETWEEN.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
