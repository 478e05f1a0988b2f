"""The excerpt shows where the query's words stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.prepare.words import bm25_text
from pulse_cli.search.passage import Passage, Terms
from pulse_cli.search.passage import passage as passage_by
from pulse_cli.store.bm25 import terms

TEXT = (
    "Bread rises because yeast eats sugar. "
    + "Nothing of note is said here. " * 20
    + "To index a crawl, run the indexing command. The crawler wrote one page per line.\n"
    + "Filler again. " * 30
)


def terms_in(language: str) -> Terms:
    return lambda word: terms(bm25_text(word), language)


def passage(text: str, query: str, width: int = 280) -> Passage:
    return passage_by(text, query, terms_in("english"), width)


def marked(text: str, query: str, language: str = "english") -> list[str]:
    found = passage_by(text, query, terms_in(language))
    return [found.excerpt[start:end] for start, end in found.spans]


def test_the_sentence_with_most_words_is_shown_from_its_start() -> None:
    found = passage(TEXT, "index the crawl")
    assert found.excerpt.startswith("To index a crawl, run the indexing command.")
    assert marked(TEXT, "index the crawl") == ["index", "crawl", "indexing"]


def test_without_a_match_the_beginning_is_shown() -> None:
    found = passage(TEXT, "zebra")
    assert found.excerpt.startswith("Bread rises")
    assert found.spans == ()


def test_common_words_are_marked_only_when_there_are_no_others() -> None:
    assert marked("the who is a band", "the who band") == ["band"]
    assert marked("the who is a band", "the who") == ["the", "who"]


def test_text_without_spaces_is_searched_by_character() -> None:
    text = "前文。" * 100 + "東京タワーは赤い。" + "後文。" * 100
    found = passage(text, "東京タワー")
    assert [found.excerpt[a:b] for a, b in found.spans] == ["東京タワー"]


def test_a_megabyte_without_a_space_takes_no_time() -> None:
    found = passage("x" * 1_000_000, "x")
    assert len(found.excerpt) <= 280
    assert passage("ab " * 300_000, "ab").spans


@pytest.mark.parametrize(
    ("language", "text", "query", "shown"),
    [
        (
            "english",
            "caching, runs and houses; a pagan page",
            "cache run page",
            "caching runs page",
        ),
        ("english", "internet and internal", "internet", "internet"),
        ("german", "Die H\u00e4user sind alt", "das alte Haus", "H\u00e4user alt"),
        ("german", "the H\u00e4user", "the", "the"),
        ("french", "les chevaux rapides", "cheval rapide", "chevaux rapides"),
        ("none", "runs and run", "run and", "and run"),
        ("english", "set `getUserName` or get_user_id", "user", "getUserName get_user_id"),
        ("english", "the user of getUserName", "getUserName", "getUserName"),
        (
            "english",
            "\ucee8\ud14c\uc774\ub108\ub97c \uc2e4\ud589",
            "\ucee8\ud14c\uc774\ub108",
            "\ucee8\ud14c\uc774\ub108\ub97c",
        ),
        ("english", "Stra\u00dfe, CAF\u00c9", "strasse caf\u00e9", "Stra\u00dfe CAF\u00c9"),
    ],
)
def test_words_are_those_that_the_engine_takes_for_one_in_the_language_of_the_page(
    language: str, text: str, query: str, shown: str
) -> None:
    assert marked(text, query, language) == shown.split()


@given(st.text(max_size=400), st.text(max_size=30), st.integers(20, 120))
def test_the_excerpt_is_a_piece_of_the_text_and_spans_lie_in_it(
    text: str, query: str, width: int
) -> None:
    found = passage(text, query, width)
    assert found.excerpt in text
    assert len(found.excerpt) <= width
    previous = 0
    for start, end in found.spans:
        assert previous <= start < end <= len(found.excerpt)
        previous = end


@given(st.lists(st.sampled_from(["apple", "pear", "plum", "\n", ". "]), max_size=60))
def test_a_word_that_is_there_is_shown(words: list[str]) -> None:
    text = " ".join([*words, "quince", *words])
    found = passage(text, "quince")
    assert "quince" in found.excerpt
    assert [found.excerpt[a:b] for a, b in found.spans] == ["quince"]
