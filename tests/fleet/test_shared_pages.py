"""Pages with documents in several shards are found, in as many passes as memory asks for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.fleet.shared_pages import find_shared_pages


def hashed(page: int) -> int:
    return int.from_bytes(hashlib.sha256(b"%d" % page).digest()[:8], "little")


def by_hand(shards: list[list[int]]) -> dict[int, list[tuple[int, int]]]:
    """(shard, document in it) of each page that is in several shards."""
    places = defaultdict(list)
    for shard, pages in enumerate(shards):
        for number, page in enumerate(pages):
            places[page].append((shard, number))
    return {p: found for p, found in places.items() if len({shard for shard, _ in found}) > 1}


SHARDS = st.lists(st.lists(st.integers(0, 12), max_size=9), min_size=1, max_size=7)


@given(SHARDS, st.integers(1, 20), st.integers(1, 4))
def test_shared_pages_are_found_and_split_by_page(
    tmp_path_factory, shards: list[list[int]], most: int, jobs: int
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "keys"
    np.array([hashed(page) for pages in shards for page in pages], np.uint64).tofile(path)
    found = find_shared_pages(path, [len(pages) for pages in shards], most)
    expected = by_hand(shards)
    places = sorted(place for of_page in expected.values() for place in of_page)
    mine = [(s, n) for s in range(len(shards)) for n in found.in_shard(s).tolist()]
    assert mine == places
    split = [
        [(shard, number) for shard, numbers in job for number in numbers.tolist()]
        for job in found.split(jobs)
    ]
    assert sorted(place for job in split for place in job) == places
    assert all(job == sorted(job) for job in split)
    for of_page in expected.values():
        assert sum(of_page[0] in job for job in split) == 1
        assert any(set(of_page) <= set(job) for job in split)


def test_nothing_is_shared_where_there_are_no_documents(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()
    found = find_shared_pages(tmp_path / "keys", [0, 0])
    assert found.in_shard(1).tolist() == []
    assert found.split(3) == [[], [], []]
