"""BM25 term weights of chunks and queries, as Qdrant's own BM25 computes them.

Computed by `qdrant_edge.Bm25`, so that they are those of the model `qdrant/bm25` of a
Qdrant server with the same options: lower-casing, stop words, stemming, hashed terms;
documents get `tf * (k + 1) / (tf + k * (1 - b + b * length / avg_len))` (Robertson and
Zaragoza 2009; the engine applies the IDF), queries 1 for each term.

The engine is given what `prepare.words` makes of a text.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_cli.model import Terms
from pulse_cli.prepare.words import bm25_text

if TYPE_CHECKING:
    from qdrant_edge import SparseVector

    from pulse_cli.prepare.options import PrepareOptions

VERSION = 2


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
        return _terms(self._model.embed_document(bm25_text(text)))

    def of_chunks(self, texts: Sequence[str]) -> list[Terms]:
        return [self.of_chunk(text) for text in texts]

    def of_query(self, text: str) -> Terms:
        return _terms(self._model.embed_query(bm25_text(text)))

    def close(self) -> None:
        """As `TermProcess` has it; there is nothing to let go of."""


def _terms(vector: SparseVector) -> Terms:
    return Terms(array("I", vector.indices), array("f", vector.values))
