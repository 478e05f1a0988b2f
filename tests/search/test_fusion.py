"""Pages are ranked by the scores or the ranks of two lists, with one vote per page and list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.model import Hit
from pulse_cli.search.fusion import Ranking, fuse, page_key, pages_of

RANKS = Ranking(fusion="rrf")
SCORES = Ranking()


def hit(page: str, index: int = 0, score: float = 1.0) -> Hit:
    return Hit(f"{page}#{index}", score, {"canonical_url": page, "chunk_index": index})


def test_scores_are_shares_of_the_best_counted_from_the_lowest_possible() -> None:
    near = [hit("a", score=0.6), hit("b", score=0.2), hit("d", score=-1.0)]
    words = [hit("b", score=12.0), hit("c", score=3.0)]
    pages = fuse({"vector": near, "bm25": words}, SCORES)
    scores = {page.key: page.score for page in pages}
    assert scores == pytest.approx(
        {"a": 0.6, "b": 0.6 * 1.2 / 1.6 + 0.4, "c": 0.4 * 3 / 12, "d": 0.0}, abs=1e-15
    )
    assert [page.key for page in pages] == ["b", "a", "c", "d"]
    votes = {name: (vote.rank, vote.score) for name, vote in pages[0].votes.items()}
    assert votes == {"vector": (2, 0.2), "bm25": (1, 12.0)}
    assert sum(vote.part for vote in pages[0].votes.values()) == pages[0].score


def test_a_list_that_is_surer_moves_a_page_further() -> None:
    """What ranks forget: both lists below have the same order."""
    near = [hit("a", score=0.50), hit("b", score=0.49)]
    sure, unsure = ([hit("b", score=9.0), hit("a", score=s)] for s in (1.0, 8.999))
    assert fuse({"vector": near, "bm25": sure}, SCORES)[0].key == "b"
    assert fuse({"vector": near, "bm25": unsure}, SCORES)[0].key == "a"
    assert fuse({"vector": near, "bm25": sure}, RANKS)[0].key == "a"


def test_a_page_with_the_query_word_for_word_gets_half_of_what_it_lacks() -> None:
    lists = {"vector": [hit("a", score=0.9), hit("b", score=0.52)], "bm25": [hit("a", score=2.0)]}
    a, b = fuse(lists, SCORES, {"b", "elsewhere"})
    assert (a.key, [*a.votes]) == ("a", ["vector", "bm25"])
    assert a.score == pytest.approx(1.0)
    assert b.key == "b"
    assert b.score == pytest.approx(0.48 + 0.52 / 2)
    assert b.votes["phrase"].part == pytest.approx(0.26)
    assert fuse(lists, Ranking(phrase=0), {"b"})[1].score == pytest.approx(0.48)
    assert fuse(lists, RANKS, {"b"}) == fuse(lists, RANKS)


def test_weights_are_what_they_say() -> None:
    lists = {"vector": [hit("a", score=0.9)], "bm25": [hit("b", score=2.0)]}
    assert fuse(lists, Ranking(vector=0.3, bm25=0.7))[0].key == "b"
    assert fuse(lists, Ranking(vector=0.7, bm25=0.3))[0].key == "a"
    assert {page.score for page in fuse(lists, Ranking(vector=6, bm25=4))} == {0.6, 0.4}
    assert {page.score for page in fuse(lists, Ranking(vector=0, bm25=0))} == {0.0}


def test_ranks_follow_the_formula() -> None:
    pages = fuse({"vector": [hit("a"), hit("b")], "bm25": [hit("b"), hit("c")]}, RANKS)
    scores = {page.key: page.score for page in pages}
    best = 1 / 61
    assert scores == pytest.approx(
        {"a": 0.6 / 61 / best, "b": (0.6 / 62 + 0.4 / 61) / best, "c": 0.4 / 62 / best}
    )
    assert [page.key for page in pages] == ["b", "a", "c"]


@pytest.mark.parametrize("ranking", [SCORES, RANKS])
def test_the_page_that_leads_all_lists_has_the_best_possible_score(ranking: Ranking) -> None:
    both = [hit("a", score=0.4), hit("b", score=0.3)]
    assert fuse({"vector": both, "bm25": both}, ranking)[0].score == pytest.approx(1.0)
    assert fuse({"vector": both}, ranking)[0].score == pytest.approx(1.0)


def test_a_page_of_many_chunks_votes_once() -> None:
    vector = [hit("exact"), *(hit("long", n) for n in range(50)), hit("third")]
    pages = fuse({"vector": vector}, RANKS)
    assert [page.key for page in pages] == ["exact", "long", "third"]
    assert pages[2].score == pytest.approx(61 / 63)


def test_the_best_chunk_comes_from_the_list_that_says_more() -> None:
    by_vector = fuse({"vector": [hit("a", 1)], "bm25": [hit("a", 2)]}, RANKS)
    assert [chunk.id for chunk in by_vector[0].chunks] == ["a#1", "a#2"]
    far = [*(hit(f"x{n}") for n in range(90)), hit("a", 1)]
    by_words = fuse({"vector": far, "bm25": [hit("a", 2), hit("a", 1)]}, RANKS)
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


def lists_of(low: float, high: float) -> st.SearchStrategy[list[Hit]]:
    made = st.builds(hit, st.sampled_from("abcdef"), st.integers(0, 4), st.floats(low, high))
    return st.lists(made, unique_by=lambda h: h.id).map(
        lambda hits: sorted(hits, key=lambda h: -h.score)
    )


@given(lists_of(-1, 1), lists_of(0, 40), st.integers(1, 100), st.sampled_from(["scores", "rrf"]))
def test_every_page_comes_once_with_all_its_chunks(
    a: list[Hit], b: list[Hit], k: int, fusion: str
) -> None:
    pages = fuse({"vector": a, "bm25": b}, Ranking(fusion=fusion, rrf_k=k))  # type: ignore[arg-type]
    assert len({page.key for page in pages}) == len(pages)
    assert {chunk.id for page in pages for chunk in page.chunks} == {h.id for h in a + b}
    assert sum(len(page.chunks) for page in pages) == len({h.id for h in a + b})
    assert [page.score for page in pages] == sorted((p.score for p in pages), reverse=True)
    assert all(0 <= page.score <= 1 + 1e-9 for page in pages)
    for page in pages:
        ranks = {name: vote.rank for name, vote in page.votes.items()}
        assert ranks == {
            name: list(pages_of(found)).index(page.key) + 1
            for name, found in (("vector", a), ("bm25", b))
            if page.key in pages_of(found)
        }
