"""A page that holds the query word for word is known."""

from __future__ import annotations

import pytest

from pulse_cli.model import Hit
from pulse_cli.search.phrase import LOOKED_AT, pages_with_phrase

PAGE = {
    "canonical_url": "here",
    "title": "Keeping a mill",
    "section": "Winter > Frozen wheels",
    "text": "Do *not* start `the_mill()`, while\nthe wheel is frozen: it breaks.",
}


@pytest.mark.parametrize(
    ("query", "held"),
    [
        ("not start the mill", True),
        ("Do NOT start the_mill(), while the wheel is frozen!", True),
        ("the_mill()", True),
        ("keeping a mill", True),
        ("winter frozen wheels", True),
        ("keeping a mill winter", True),  # title and heading
        ("start the wheel", False),
        ("start mill", False),
        ("not start the mil", False),
        ("mill", False),  # one word is no phrase
        ("", False),
        ("...", False),
    ],
)
def test_letter_case_marks_and_line_ends_do_not_matter(query: str, held: bool) -> None:
    assert pages_with_phrase(query, [Hit("1", 1.0, PAGE)]) == ({"here"} if held else set())


@pytest.mark.parametrize(
    ("query", "held"),
    [
        ("\u538b\u529b\u4e0b\u964d", True),
        ("\u538b\u529b\u4e0a\u5347", False),
        ("\u538b\u529b", False),  # too short to mean anything
    ],
)
def test_text_without_spaces_is_compared_by_characters(query: str, held: bool) -> None:
    hit = Hit(
        "1",
        1.0,
        {"url": "here", "text": "\u6c34\u6cf5\u5728\u538b\u529b\u4e0b\u964d\u65f6\u6253\u5f00"},
    )
    assert bool(pages_with_phrase(query, [hit])) is held


def test_any_chunk_of_a_page_will_do_but_only_the_best_hits_are_looked_at() -> None:
    other = Hit("0", 3.0, {**PAGE, "text": "else"})
    hit = Hit("1", 1.0, PAGE)
    assert pages_with_phrase("start the mill", [other, hit]) == {"here"}
    assert pages_with_phrase("start the mill", [*[other] * LOOKED_AT, hit]) == set()
