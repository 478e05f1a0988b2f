"""BM25 term weights of chunks and queries, as Qdrant's own BM25 computes them.

Computed by `qdrant_edge.Bm25`, so that they are those of the model `qdrant/bm25` of a
Qdrant server with the same options: lower-casing, stop words, stemming, murmur-hashed
terms; documents get `tf * (k + 1) / (tf + k * (1 - b + b * length / avg_len))` (Robertson
and Zaragoza 2009, IDF left to the engine), queries 1 for each term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulse_cli.model import Terms

if TYPE_CHECKING:
    from pulse_cli.prepare.options import PrepareOptions

VERSION = 1


class TermWeights:
    """Weighs terms. Thread-safe. Raises ValueError for a language Edge does not know."""

    def __init__(self, options: PrepareOptions) -> None:
        import qdrant_edge as edge

        self._words = edge.Bm25(
            edge.Bm25Config(
                k=options.bm25_k,
                b=options.bm25_b,
                avg_len=options.bm25_avg_len,
                language=options.bm25_language,
            )
        )

    def of_chunk(self, text: str) -> Terms:
        vector = self._words.embed_document(text)
        return Terms(vector.indices, vector.values)

    def of_query(self, text: str) -> Terms:
        vector = self._words.embed_query(text)
        return Terms(vector.indices, vector.values)
