"""Words of pages and queries as a Qdrant server gets them (`qdrant/bm25`, from 1.15.2 on)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from pulse_cli.errors import Rejected
from pulse_cli.model import Filter
from pulse_cli.payload import LANGUAGE, Bm25Options
from pulse_cli.store.page_languages import PageLanguages, bm25_language, page_languages
from pulse_cli.store.qdrant.reads import Reads

MODEL = "qdrant/bm25"
KNOWN_SECONDS = 60.0
ALL = Filter()


def to_weigh(words: str, bm25: Bm25Options, language: object) -> dict[str, Any]:
    """In place of a sparse vector, in a point of a page whose metadata names `language`."""
    return _in(bm25_language(language, bm25.language), words, bm25)


class Queries:
    """Queries of one collection, each in its own language (`store.bm25`).

    Which languages there are is asked of the collection, and kept for a minute of `now`
    (seconds, monotonic).
    """

    def __init__(
        self, reads: Reads, bm25: Bm25Options, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._reads = reads
        self._bm25 = bm25
        self._now = now
        self._known: PageLanguages | None = None
        self._known_at = 0.0

    async def query(self, words: str, where: Filter) -> dict[str, Any]:
        """In place of a query vector. Raises Transient, Fatal.

        The server takes one language for a text. Where it matters in which one a query is asked,
        its vector is made here, by the same model.
        """
        found = await self._languages()
        languages = list(found.names)
        if len(languages) == 1:
            return _in(languages[0], words, self._bm25)
        from pulse_cli.store.bm25 import asked_first_in, differ, language_of

        options = asdict(self._bm25)
        if not differ(words, options, languages):
            return _in(languages[0], words, self._bm25)
        asks = (
            self._reads.best_terms(_in(name, words, self._bm25), where, found.pages_in(name))
            for name in languages
        )
        try:
            shown = await asyncio.gather(*asks)
        except Rejected:  # strict mode may not take the filter
            first = languages[0]
        else:
            first = language_of(words, options, dict(zip(languages, shown, strict=True)))
        vector = asked_first_in(first, words, options, languages)
        return {"indices": list(vector.indices), "values": list(vector.values)}

    async def _languages(self) -> PageLanguages:
        if self._known is None or self._now() - self._known_at > KNOWN_SECONDS:
            counted, points = {}, 0
            try:
                counted = await self._reads.facet(LANGUAGE, ALL)
                points = await self._reads.count(ALL) if counted else 0
            except Rejected:
                pass  # a collection of another tool keeps no index of the field
            self._known = page_languages(counted, points, self._bm25.language)
            self._known_at = self._now()
        return self._known


@lru_cache(maxsize=64)
def _options(bm25: Bm25Options, language: str) -> dict[str, Any]:
    return asdict(replace(bm25, language=language))


def _in(language: str, words: str, bm25: Bm25Options) -> dict[str, Any]:
    """A text for the model of the server, in one of its languages.

    The server knows no language "none", and does without stemming and stop words for every name
    that it does not know.
    """
    return {"text": words, "model": MODEL, "options": _options(bm25, language)}
