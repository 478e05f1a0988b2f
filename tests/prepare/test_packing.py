"""Packing by sums, on segments of made-up sizes."""

from __future__ import annotations

from array import array
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.prepare.packing import pack
from pulse_cli.prepare.segments import Segments


def made(sizes: list[int], heads: list[int], top_headings: list[int]) -> Segments:
    segments = Segments()
    segments.charged_tokens = array("I", accumulate(sizes, initial=0))
    segments.heads = array("I", sorted({*heads, *top_headings}))
    segments.top_headings = array("I", sorted(set(top_headings)))
    return segments


def packed(
    sizes: list[int], budget: int, overlap: int, heads: list[int], top_headings: list[int]
) -> list[tuple[int, int]]:
    chunks = pack(made(sizes, heads, top_headings), 0, 0, len(sizes), lambda _: budget, overlap)
    return [(start, stop) for start, _, stop in chunks]


@pytest.mark.parametrize(
    ("heads", "top_headings", "overlap", "chunks"),
    [
        pytest.param([], [], 0, [(0, 10), (10, 20), (20, 25)], id="greedy"),
        pytest.param([], [], 25, [(0, 10), (8, 18), (16, 25)], id="overlap of whole segments"),
        pytest.param([7], [], 0, [(0, 7), (7, 17), (17, 25)], id="before a heading"),
        pytest.param([6], [], 0, [(0, 10), (10, 20), (20, 25)], id="not when half empty"),
        pytest.param([7, 9], [], 0, [(0, 9), (9, 19), (19, 25)], id="the last one that fits"),
        pytest.param([9], [8], 0, [(0, 8), (8, 18), (18, 25)], id="a high one sooner"),
        pytest.param([], [9], 25, [(0, 9), (9, 19), (17, 25)], id="no overlap into a section"),
        pytest.param([], [6, 9], 25, [(0, 9), (9, 19), (17, 25)], id="nor across its heading"),
        pytest.param([], [19], 45, [(0, 10), (6, 16), (12, 19), (19, 25)], id="overlap again"),
        pytest.param([9], [], 25, [(0, 9), (7, 17), (15, 25)], id="overlap across a low heading"),
    ],
)
def test_where_chunks_end_and_begin(
    heads: list[int], top_headings: list[int], overlap: int, chunks: list[tuple[int, int]]
) -> None:
    assert packed([10] * 25, 100, overlap, heads, top_headings) == chunks


def test_overlap_makes_room_for_a_large_segment() -> None:
    assert packed([10] * 10 + [90, 50], 100, 30, [], []) == [(0, 10), (9, 11), (11, 12)]


def test_a_chunk_is_never_repeated_whole() -> None:
    # It ends early, before a heading, and would fit into the overlap.
    assert packed([10] * 25, 100, 95, [7], [])[:2] == [(0, 7), (1, 11)]


def test_a_segment_over_the_budget_stands_alone() -> None:
    assert packed([10, 150, 10], 100, 20, [], []) == [(0, 1), (1, 2), (2, 3)]


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=80),
    budget=st.integers(60, 200),
    overlap=st.integers(0, 100),
    heads=st.lists(st.integers(0, 79), max_size=10),
    top_headings=st.lists(st.integers(0, 79), max_size=10),
)
def test_everything_is_packed_within_the_budget(
    sizes: list[int], budget: int, overlap: int, heads: list[int], top_headings: list[int]
) -> None:
    chunks = packed(sizes, budget, overlap, heads, top_headings)
    assert chunks[0][0] == 0
    assert chunks[-1][1] == len(sizes)
    assert all(sum(sizes[start:stop]) <= budget for start, stop in chunks)
    for (start, stop), (again, behind) in pairwise(chunks):
        assert start < again <= stop < behind
        assert sum(sizes[again:stop]) <= overlap
        assert not any(again < top <= stop for top in top_headings)
