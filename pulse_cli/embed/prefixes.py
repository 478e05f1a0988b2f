"""The prefixes that well-known models need before documents and queries, to find what they can.

They come from the models' cards on the hub. A model that is not listed here is taken to need none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BGE = "Represent this sentence for searching relevant passages: "
_INSTRUCT = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
)


@dataclass(frozen=True, slots=True)
class Prefixes:
    """`document` is put before every chunk, `query` before every query; "" is none."""

    document: str = ""
    query: str = ""


# The first pattern found in the model's name counts.
_KNOWN: tuple[tuple[str, Prefixes], ...] = (
    (r"e5-(mistral|large-instruct|.*instruct)", Prefixes("", _INSTRUCT)),
    (r"\be5-|-e5-", Prefixes("passage: ", "query: ")),
    (r"qwen3-embedding", Prefixes("", _INSTRUCT)),
    (r"bge-m3", Prefixes()),
    (r"bge-.*-zh", Prefixes("", "为这个句子生成表示以用于检索相关文章\uff1a")),
    (r"bge-(small|base|large)", Prefixes("", _BGE)),
    (r"mxbai-embed", Prefixes("", _BGE)),
    (r"arctic-embed.*v2", Prefixes("", "query: ")),
    (r"arctic-embed", Prefixes("", _BGE)),
    (r"nomic-embed", Prefixes("search_document: ", "search_query: ")),
    (r"embeddinggemma", Prefixes("title: none | text: ", "task: search result | query: ")),
    (r"minilm", Prefixes()),
)


def prefix_mismatches(model: str, document: str, query: str) -> list[str]:
    """The settings, as `name=value`, that the model's card asks for and that are set otherwise: a
    prefix is set where there should be none, or none where there should be one."""
    want = wanted(model)
    if want is None:
        return []
    pairs = (
        ("embed.document_prefix", want.document, document),
        ("embed.query_prefix", want.query, query),
    )
    return [f"{name}={asked!r}" for name, asked, have in pairs if bool(asked) != bool(have)]


def wanted(model: str) -> Prefixes | None:
    """The prefixes that the card of this model asks for, None for an unknown model."""
    name = model.lower()
    return next((found for pattern, found in _KNOWN if re.search(pattern, name)), None)
