"""One text under several addresses is one result; different texts stay apart."""

from __future__ import annotations

import pytest

from pulse_cli.model import Hit
from pulse_cli.search.duplicates import grouped, plain_address
from pulse_cli.search.fusion import Page

TEXT = "The pump opens its valve when the pressure falls below two bar, and shuts it at four."


def page(url: str, text: str = TEXT, chunks: int = 3, tokens: int = 900) -> Page:
    payload = {"url": url, "text": text, "chunk_count": chunks, "doc_tokens": tokens}
    return Page(url, 0.5, (Hit(url, 0.5, payload),))


def together(*pages: Page) -> list[list[str]]:
    return [[group.best.key, *(other.key for other in group.others)] for group in grouped(pages)]


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/guide",
        "https://www.a.example/guide/",
        "https://a.example/guide/index.html",
        "https://a.example/guide?print=1",
        "https://a.example/guide/print",
        "https://a.example/amp/guide",
    ],
)
def test_variants_of_an_address_are_one_page_even_if_a_menu_is_missing(url: str) -> None:
    first = "https://a.example/guide"
    assert plain_address(url) == plain_address(first)
    menu = page(url, f"Home\n\n{TEXT}", tokens=910)
    assert together(page(first), page("https://b.example/", "else"), menu) == [
        [first, url],
        ["https://b.example/"],
    ]


def test_equal_texts_are_one_page_wherever_they_are() -> None:
    mirror = page("https://mirror.example/x", TEXT.replace("  ", " ").upper())
    assert together(page("https://a.example/"), mirror) == [
        ["https://a.example/", "https://mirror.example/x"]
    ]


def test_one_equal_passage_does_not_make_two_pages_one() -> None:
    licence = "Licensed under the terms of the MIT licence."
    one = page("https://a.example/a", licence, tokens=100)
    two = page("https://a.example/b", licence, tokens=101)
    three = page("https://a.example/c", licence, chunks=4, tokens=100)
    assert len(together(one, two, three)) == 3


def test_another_text_at_a_like_address_is_another_page() -> None:
    other = page("https://a.example/guide/", "A version two of the guide says all of it anew.")
    assert len(together(page("https://a.example/guide"), other)) == 2
    assert plain_address("https://a.example/?page=2") != plain_address("https://a.example/?page=3")
    assert plain_address("https://a.example/?view=tree") != plain_address("https://a.example/")


def test_pages_without_text_stay_apart() -> None:
    assert len(together(page("https://a.example/a", ""), page("https://a.example/b", ""))) == 2
    assert plain_address("https://[broken") == "https://[broken"
