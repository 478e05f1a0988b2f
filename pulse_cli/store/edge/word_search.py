"""The points of a shard by their words, asked in the language of the query (`store.bm25`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pulse_cli.payload import LANGUAGE
from pulse_cli.store.bm25 import asked, asked_first_in, differ, language_of
from pulse_cli.store.edge.shard import Shard
from pulse_cli.store.filters import SPARSE, both
from pulse_cli.store.page_languages import LOOKED_AT, PageLanguages, page_languages
from pulse_cli.store.whole_points import MOST_VALUES


class WordSearch:
    """Of one shard; what languages its pages are in is remembered. Blocking."""

    def __init__(self) -> None:
        self._counted: dict[Any, int] | None = None
        self._points = 0

    def wrote(self, payloads: Iterable[Mapping[str, Any]]) -> None:
        """Points were written: a language that none had before is to be seen."""
        if self._counted is not None and any(
            isinstance(name := payload.get(LANGUAGE), str) and name not in self._counted
            for payload in payloads
        ):
            self._counted = None

    def query(
        self,
        shard: Shard,
        words: str,
        bm25: Mapping[str, Any],
        where: Mapping[str, Any] | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """The best points with their payloads. `bm25`: as in `payload.Bm25Options`."""
        found = self._languages(shard, bm25["language"])
        languages = list(found.names)
        if differ(words, bm25, languages):
            shown = {
                language: [
                    point["vector"][SPARSE]["indices"]
                    for point in shard.query(
                        asked(words, {**bm25, "language": language}),
                        SPARSE,
                        both(where, found.pages_in(language)),
                        LOOKED_AT,
                        False,
                        with_vector=[SPARSE],
                    )
                ]
                for language in languages
            }
            first = language_of(words, bm25, shown)
            weights = asked_first_in(first, words, bm25, languages)
        else:
            weights = asked(words, bm25)
        if not weights.indices:
            return []
        return shard.query(weights, SPARSE, where, limit, True)

    def _languages(self, shard: Shard, fallback: str) -> PageLanguages:
        if self._counted is None:
            self._points = shard.count()
            indexed = LANGUAGE in shard.indexed()
            self._counted = dict(shard.facet(LANGUAGE, MOST_VALUES, None) if indexed else ())
        return page_languages(self._counted, self._points, fallback)
