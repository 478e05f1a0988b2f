"""Which language BM25 takes for a page, and for the query that is to find it."""

from __future__ import annotations

from dataclasses import asdict
from typing import get_args

import pytest

from pulse_cli.config.settings import Bm25Language
from pulse_cli.payload import Bm25Options
from pulse_cli.store.bm25 import OTHERWISE, asked, asked_first_in, differ, language_of, weighed
from pulse_cli.store.page_languages import LANGUAGES, bm25_language, page_languages

ENGLISH = asdict(Bm25Options())
BOTH = ["english", "german"]


@pytest.mark.parametrize(
    ("page", "language"),
    [
        ("de", "german"),
        ("DE", "german"),
        ("de-AT", "german"),
        ("pt_BR", "portuguese"),
        ("nb-NO", "norwegian"),
        ("deu", "german"),
        ("ger", "german"),
        ("German", "german"),
        (" fr, en ", "french"),
        ("en-US", "english"),
        ("ko", "english"),  # not known to the engine
        ("zh-Hant", "english"),  # text in pairs of characters has no stop words
        ("ja", "english"),
        ("", "english"),
        (None, "english"),
        (["de"], "english"),
        ("decidedly not a tag", "english"),
    ],
)
def test_the_name_of_a_language_in_metadata(page: object, language: str) -> None:
    assert bm25_language(page, "english") == language


def test_the_setting_is_for_pages_that_do_not_say_theirs_and_none_is_for_all() -> None:
    assert bm25_language(None, "german") == bm25_language("xx", "german") == "german"
    assert bm25_language("en", "german") == "english"
    assert bm25_language("de", "none") == "none"


def test_all_that_the_engine_knows_can_be_set() -> None:
    assert {"none", *LANGUAGES} == set(get_args(Bm25Language))


def test_languages_of_a_collection_the_most_common_first() -> None:
    found = page_languages({"de": 20, "fr-CA": 5, "de-CH": 9, "ja": 4}, 50, "english")
    assert list(found.names) == ["german", "english", "french"]
    assert found.pages_in("german") == named("must", "de", "de-CH")
    assert found.pages_in("english") == named("must_not", "de", "de-CH", "fr-CA")
    assert list(page_languages({"en": 3}, 3, "english").names) == ["english"]
    assert list(page_languages({"de": 3}, 3, "none").names) == ["none"]


def named(clause: str, *values: str) -> dict[str, object]:
    return {clause: [{"key": "language", "match": {"any": list(values)}}]}


def test_a_query_counts_in_its_own_language_and_a_little_in_the_others() -> None:
    found = asked_first_in("german", "die H\u00e4user", ENGLISH, BOTH)
    weights = dict(zip(found.indices, found.values, strict=True))
    own = only("Haus", "german")
    others = only("H\u00e4user", "english"), only("die", "english")
    assert weights == pytest.approx({own: 1.0, **dict.fromkeys(others, OTHERWISE)})


def only(word: str, language: str) -> int:
    (index,) = asked(word, {**ENGLISH, "language": language}).indices
    return index


def shown(**texts: str) -> dict[str, list[set[int]]]:
    return {
        name: [set(weighed(text, {**ENGLISH, "language": name}).indices)] if text else []
        for name, text in texts.items()
    }


@pytest.mark.parametrize(
    ("query", "english", "german", "first"),
    [
        ("houses of stone", "a house of stones", "das Haus aus Stein", "english"),
        ("Steine der H\u00e4user", "a house of stones", "das Haus aus Stein", "german"),
        ("the server", "a server", "ein Server", "english"),  # a stop word decides
        ("der Server", "a server", "ein Server", "german"),
        ("Server", "a server", "ein Server", "english"),  # the most common one
        ("H\u00e4user", "", "das Haus", "german"),
        ("zebra", "", "", "english"),
        ("", "a house", "das Haus", "english"),
    ],
)
def test_the_language_of_a_query_is_that_of_the_pages_with_most_of_its_words(
    query: str, english: str, german: str, first: str
) -> None:
    assert language_of(query, ENGLISH, shown(english=english, german=german)) == first


def test_it_does_not_matter_where_all_languages_have_the_same_terms() -> None:
    assert not differ("FastAPI 2024", ENGLISH, BOTH)
    assert not differ("\u538b\u529b \u529b\u4e0b", ENGLISH, BOTH)
    assert differ("running", ENGLISH, BOTH)
    assert differ("der", ENGLISH, BOTH)
