"""Texts that a Qdrant server weighs by itself (`qdrant/bm25`, from 1.15.2 on)."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from pulse_cli.payload import Bm25Options

MODEL = "qdrant/bm25"

_options = lru_cache(maxsize=32)(asdict)


def to_weigh(words: str, bm25: Bm25Options) -> dict[str, Any]:
    """In place of a sparse vector, in a point or as a query.

    The server knows no language "none", and does without stemming and stop words for every name
    that it does not know.
    """
    return {"text": words, "model": MODEL, "options": _options(bm25)}
