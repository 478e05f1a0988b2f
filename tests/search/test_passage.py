"""The excerpt shows where the query's words stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.search.passage import alike, passage

TEXT = (
    "Bread rises because yeast eats sugar. "
    + "Nothing of note is said here. " * 20
    + "To index a crawl, run the indexing command. The crawler wrote one page per line.\n"
    + "Filler again. " * 30
)


def marked(text: str, query: str) -> list[str]:
    found = passage(text, query)
    return [found.excerpt[start:end] for start, end in found.spans]


def test_the_sentence_with_most_words_is_shown_from_its_start() -> None:
    found = passage(TEXT, "index the crawl")
    assert found.excerpt.startswith("To index a crawl, run the indexing command.")
    assert marked(TEXT, "index the crawl") == ["index", "crawl", "indexing", "crawler"]


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
    ("one", "other", "same"),
    [
        ("index", "indexes", True),
        ("index", "indexing", True),
        ("caching", "cache", True),
        ("run", "runs", False),
        ("page", "pagan", False),
        ("internet", "internal", False),
        ("a", "a", True),
    ],
)
def test_endings_do_not_matter(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same


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
