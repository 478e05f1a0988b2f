"""What preparing depends on: everything here changes what is written to the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ContextMode: TypeAlias = Literal["section", "title", "none"]


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """How documents become chunks.

    `max_tokens` is the most one chunk may have *as the server counts it*: special tokens
    and `document_prefix` included (what the server itself prepends must already be taken
    off). `context` says what is put before each chunk when it is embedded and weighed: title and
    headings above, the title alone, or nothing. `overlap_tokens` are repeated from the chunk
    before, at most. `model` and `dimension` name what will embed the chunks. `bm25_language` names
    the language of stemming and stop words, "none" does without both; `bm25_k`, `bm25_b` and
    `bm25_avg_len` (terms) are BM25's k1, b and average length.
    """

    max_tokens: int = 800
    overlap_tokens: int = 200
    context: ContextMode = "section"
    document_prefix: str = ""
    model: str = ""
    dimension: int = 0
    bm25_language: str = "english"
    bm25_k: float = 1.2
    bm25_b: float = 0.75
    bm25_avg_len: float = 256.0
