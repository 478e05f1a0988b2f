"""Pages are ranked by reciprocal rank fusion, with one vote per page and list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.model import Hit
from pulse_cli.search.fusion import fuse, page_key, pages_of

WEIGHTS = {"vector": 0.6, "bm25": 0.4}


def hit(page: str, index: int = 0) -> Hit:
    return Hit(f"{page}#{index}", 1.0, {"canonical_url": page, "chunk_index": index})


def test_scores_follow_the_formula() -> None:
    pages = fuse({"vector": [hit("a"), hit("b")], "bm25": [hit("b"), hit("c")]}, WEIGHTS, 60)
    scores = {page.key: page.score for page in pages}
    assert scores == pytest.approx(
        {"a": 0.6 / 61, "b": 0.6 / 62 + 0.4 / 61, "c": 0.4 / 62}, abs=1e-15
    )
    assert [page.key for page in pages] == ["b", "a", "c"]


def test_a_page_of_many_chunks_votes_once() -> None:
    vector = [hit("exact"), *(hit("long", n) for n in range(50)), hit("third")]
    pages = fuse({"vector": vector}, WEIGHTS, 60)
    assert [page.key for page in pages] == ["exact", "long", "third"]
    assert pages[2].score == pytest.approx(0.6 / 63)


def test_the_best_chunk_comes_from_the_list_that_says_more() -> None:
    by_vector = fuse({"vector": [hit("a", 1)], "bm25": [hit("a", 2)]}, WEIGHTS, 60)
    assert [chunk.id for chunk in by_vector[0].chunks] == ["a#1", "a#2"]
    far = [*(hit(f"x{n}") for n in range(90)), hit("a", 1)]
    by_words = fuse({"vector": far, "bm25": [hit("a", 2), hit("a", 1)]}, WEIGHTS, 60)
    page = next(page for page in by_words if page.key == "a")
    assert [chunk.id for chunk in page.chunks] == ["a#2", "a#1"]


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ({"canonical_url": "c", "url": "u"}, "c"),
        ({"canonical_url": None, "url": "u"}, "u"),
        ({"canonical_url": "", "url": 3}, "id"),
        ({}, "id"),
    ],
)
def test_points_of_other_tools_have_a_page_too(payload: dict[str, object], key: str) -> None:
    assert page_key(Hit("id", 1.0, payload)) == key


hits = st.lists(
    st.builds(hit, st.sampled_from("abcdef"), st.integers(0, 4)), unique_by=lambda h: h.id
)


@given(hits, hits, st.integers(1, 100))
def test_every_page_comes_once_with_all_its_chunks(a: list[Hit], b: list[Hit], k: int) -> None:
    pages = fuse({"vector": a, "bm25": b}, WEIGHTS, k)
    assert len({page.key for page in pages}) == len(pages)
    assert {chunk.id for page in pages for chunk in page.chunks} == {h.id for h in a + b}
    assert sum(len(page.chunks) for page in pages) == len({h.id for h in a + b})
    assert [page.score for page in pages] == sorted((p.score for p in pages), reverse=True)
    for page in pages:
        expected = sum(
            WEIGHTS[name] / (k + 1 + list(pages_of(found)).index(page.key))
            for name, found in (("vector", a), ("bm25", b))
            if page.key in pages_of(found)
        )
        assert page.score == pytest.approx(expected)
