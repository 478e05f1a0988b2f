"""What preparing depends on: everything here changes what is written to the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pulse_cli.payload import Bm25Options

ContextMode: TypeAlias = Literal["section", "title", "none"]


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """How documents become chunks.

    `max_tokens` is the most one chunk may have *as the server counts it*: special tokens
    and `document_prefix` included (what the server itself prepends must already be taken
    off). `context` says what is put before each chunk when it is embedded and weighed: title and
    headings above, the title alone, or nothing. `overlap_tokens` are repeated from the chunk
    before, at most. `model` and `dimension` name what will embed the chunks, `bm25` how the store
    weighs their words.
    """

    max_tokens: int = 800
    overlap_tokens: int = 200
    context: ContextMode = "section"
    document_prefix: str = ""
    model: str = ""
    dimension: int = 0
    bm25: Bm25Options = field(default_factory=Bm25Options)
