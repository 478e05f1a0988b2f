"""BM25 weights as a Qdrant server computes them: the engine's own model, in this process.

Each page is weighed with the stemmer and stop words of its own language. A query is asked in its
own language, as far as that can be seen, and in the other languages of the collection at a
twentieth of the weight, so that no page is out of its reach. All languages alike would not do: a
form of a word that few pages have counts more than one that many have (IDF), so that a word in its
German form would put the few German pages that hold it before all English ones. Measured on pages
in English, German and French, MRR by words alone: 0.871 with English for all pages, 0.760 with all
languages alike, 0.870 as here, 0.871 if the language of each query was known.

The language of a query is the one whose pages show most of its words together.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import qdrant_edge as edge

OTHERWISE = 0.05  # what a word counts in a language that is not the query's
_TOKEN = re.compile(r"[^\W_]+")


@lru_cache(maxsize=64)
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
    """The vector of a query in the language of `options`."""
    return _model(**options).embed_query(text)


def differ(text: str, options: Mapping[str, Any], languages: Sequence[str]) -> bool:
    """Whether it matters in which of these languages a query is asked."""
    return len({tuple(_forms(text, options, language)) for language in languages}) > 1


def language_of(
    text: str, options: Mapping[str, Any], shown: Mapping[str, Iterable[Collection[int]]]
) -> str:
    """The language of a query, by the best points of each, the most common language first.

    `shown` holds the indices of their vectors. A stop word is in every text of its language.
    Where two languages show as many words, it is the one with more stop words in the query.
    """
    tokens = dict.fromkeys(_TOKEN.findall(text))

    def evidence(language: str) -> tuple[int, int]:
        forms = [_forms(token, options, language) for token in tokens]
        most = max(
            (sum(all(one in held for one in form) for form in forms) for held in shown[language]),
            default=0,
        )
        return most, sum(not form for form in forms)

    return max(shown, key=evidence)


def asked_first_in(
    first: str, text: str, options: Mapping[str, Any], languages: Sequence[str]
) -> edge.SparseVector:
    """The vector of a query in the language `first`, and little of it in the other ones."""
    weights = dict.fromkeys(_forms(text, options, first), 1.0)
    for language in languages:
        for form in _forms(text, options, language):
            weights.setdefault(form, OTHERWISE)
    return edge.SparseVector(list(weights), list(weights.values()))


@lru_cache(maxsize=8192)
def terms(text: str, language: str) -> frozenset[int]:
    """The terms of a text in one language; those of a word may be none."""
    return frozenset(_model(language, 0.0, 0.0, 1.0).embed_query(text).indices)


def _forms(text: str, options: Mapping[str, Any], language: str) -> Sequence[int]:
    return _model(**{**options, "language": language}).embed_query(text).indices
