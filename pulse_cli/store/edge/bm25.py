"""BM25 weights as a Qdrant server computes them: the engine's own model, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import qdrant_edge as edge


@lru_cache(maxsize=32)
def _model(language: str, k: float, b: float, avg_len: float) -> edge.Bm25:
    plain = language == "none"
    return edge.Bm25(
        edge.Bm25Config(
            k=k,
            b=b,
            avg_len=avg_len,
            language=None if plain else language,
            stopwords=edge.StopwordsSet() if plain else None,
            stemmer=edge.DisabledStemmer() if plain else None,
        )
    )


def weighed(text: str, options: Mapping[str, Any]) -> edge.SparseVector:
    """The vector of a document. `options` are those of `payload.Bm25Options`."""
    return _model(**options).embed_document(text)


def asked(text: str, options: Mapping[str, Any]) -> edge.SparseVector:
    """The vector of a query."""
    return _model(**options).embed_query(text)
