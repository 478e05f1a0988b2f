"""BM25 term weights of chunks and queries, as Qdrant's own BM25 computes them.

Computed by `qdrant_edge.Bm25`, so that they are those of the model `qdrant/bm25` of a
Qdrant server with the same options: lower-casing, stop words, stemming, hashed terms;
documents get `tf * (k + 1) / (tf + k * (1 - b + b * length / avg_len))` (Robertson and
Zaragoza 2009; the engine applies the IDF), queries 1 for each term.

Chinese and Japanese are written without spaces, of which Edge's word tokenizer makes one
term for each clause, found by nobody. There each two neighbouring characters are a term,
as in Lucene's CJKAnalyzer. Measured on documentation in Chinese and Japanese, six
characters cut anywhere from a page find it again with a mean reciprocal rank of 0.6 to
0.9, against 0.1 to 0.6 with Edge's multilingual tokenizer, which takes up to three times
as long, and next to 0 with words.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.model import Terms

if TYPE_CHECKING:
    from qdrant_edge import SparseVector

    from pulse_cli.prepare.options import PrepareOptions

VERSION = 1

# Ideographs and kana, not Hangul (Korean has spaces), not punctuation.
_UNSPACED = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
# One range is looked for four times as fast, and spares most pages the search above.
_FAR = re.compile("[\u2e80-\U0003ffff]")


class TermWeights:
    """Weighs terms. Thread-safe. Raises ValueError for a language Edge does not know."""

    def __init__(self, options: PrepareOptions) -> None:
        import qdrant_edge as edge

        plain = options.bm25_language == "none"
        self._model = edge.Bm25(
            edge.Bm25Config(
                k=options.bm25_k,
                b=options.bm25_b,
                avg_len=options.bm25_avg_len,
                language=None if plain else options.bm25_language,
                stopwords=edge.StopwordsSet() if plain else None,
                stemmer=edge.DisabledStemmer() if plain else None,
            )
        )

    def of_chunk(self, text: str) -> Terms:
        return _terms(self._model.embed_document(_spaced(text)))

    def of_chunks(self, texts: Sequence[str]) -> list[Terms]:
        return [self.of_chunk(text) for text in texts]

    def of_query(self, text: str) -> Terms:
        return _terms(self._model.embed_query(_spaced(text)))

    def close(self) -> None:
        """As `TermProcess` has it; there is nothing to let go of."""


def _terms(vector: SparseVector) -> Terms:
    return Terms(array("I", vector.indices), array("f", vector.values))


def _spaced(text: str) -> str:
    if text.isascii() or not _FAR.search(text):
        return text
    return _UNSPACED.sub(_pairs, text)


def _pairs(run: re.Match[str]) -> str:
    characters = run[0]
    pairs = map(str.__add__, characters, characters[1:])
    return f" {' '.join(pairs) if len(characters) > 1 else characters} "
