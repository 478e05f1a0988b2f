"""What is asked of a server for words, and how often it is asked for its languages."""

from __future__ import annotations

from typing import Any, cast

from pulse_cli.errors import Rejected
from pulse_cli.model import Filter
from pulse_cli.payload import Bm25Options
from pulse_cli.ports import NO_PAYLOAD_INDEX
from pulse_cli.store.qdrant.bm25 import KNOWN_SECONDS, Queries
from pulse_cli.store.qdrant.reads import Reads

ALL = Filter()


class Languages:
    """Reads of a collection whose pages are in the languages of `counted`; None: no index."""

    def __init__(self, counted: dict[str, int] | None) -> None:
        self.counted = counted
        self.asked = 0

    async def facet(self, field: str, where: Filter) -> dict[str, int]:
        assert (field, where) == ("language", ALL)
        self.asked += 1
        if self.counted is None:
            raise Rejected("no index of it", reason=NO_PAYLOAD_INDEX)
        return self.counted

    async def count(self, where: Filter) -> int:
        assert where == ALL
        return sum((self.counted or {}).values())

    async def best_terms(self, *_: Any) -> list[set[int]]:
        return []


def queries(reads: Languages, times: list[float]) -> Queries:
    return Queries(cast("Reads", reads), Bm25Options(), lambda: times[-1])


async def test_the_languages_are_asked_for_once_a_minute() -> None:
    reads, times = Languages({"en": 3}), [0.0]
    asked = queries(reads, times)
    assert (await asked.query("houses", ALL))["options"]["language"] == "english"
    reads.counted = {"en": 3, "de": 9}
    times.append(KNOWN_SECONDS)
    assert "text" in await asked.query("H\u00e4user", ALL)
    assert reads.asked == 1
    times.append(KNOWN_SECONDS + 1)
    assert len((await asked.query("H\u00e4user", ALL))["indices"]) == 2
    assert reads.asked == 2


async def test_a_query_that_is_the_same_in_all_languages_is_sent_as_a_text() -> None:
    asked = queries(Languages({"en": 3, "de": 9}), [0.0])
    assert (await asked.query("FastAPI", ALL))["text"] == "FastAPI"


async def test_a_collection_without_an_index_of_languages_is_asked_in_that_of_the_settings() -> (
    None
):
    asked = queries(Languages(None), [0.0])
    assert (await asked.query("houses", ALL))["options"]["language"] == "english"
