"""The rank-bm25 view: equal to the package, whole pages, one file, no code in it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from pulse_cli.errors import Fatal
from pulse_cli.model import Filter
from pulse_cli.store.edge.store import EdgeStore, open_edge
from pulse_cli.store.rank_bm25 import export as bm25_export
from pulse_cli.store.rank_bm25.build import join_chunks, rebuild
from pulse_cli.store.rank_bm25.view import FILE, Bm25View
from tests.store.points import Whole, upsert

ALL = Filter()


async def at_once(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def chunks(url: str, text: str, size: int = 40, overlap: int = 12, **payload: Any) -> list[Whole]:
    """A page cut into overlapping pieces, as points."""
    starts = list(range(0, max(1, len(text) - overlap), size - overlap))
    return [
        Whole(
            str(uuid.uuid5(uuid.NAMESPACE_URL, f"{url}#{index}")),
            np.array([1.0, 0.5], dtype=np.float32),
            "pump",
            {
                "url": url,
                "canonical_url": url,
                "text": text[start : start + size],
                "chunk_index": index,
                "char_start": start,
                "char_end": min(len(text), start + size),
                "domain": url.split("/")[2],
                "title": f"Title {url}",
                "isMobile": False,
                **payload,
            },
        )
        for index, start in enumerate(starts)
    ]


TEXTS = {
    "https://a.example/bread": "Bread rises because yeast eats sugar and breathes out gas. " * 3,
    "https://a.example/yeast": "Yeast is a fungus. Yeast likes it warm.",
    "https://b.example/stars": "Stars shine at night;\nthe sun is a star, by day.",
    "https://b.example/ü": "Ünïcode 日本語 words, sugar and \u0000 more sugar 🙂",
    "https://b.example/common": "a a a is is and and the the",
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EdgeStore]:
    made = open_edge(tmp_path / "store", "pages", min_free=0)
    await made.open(2)
    for url, text in TEXTS.items():
        await upsert(made, chunks(url, text))
    yield made
    await made.close()


@pytest.fixture
async def view(store: EdgeStore, tmp_path: Path) -> AsyncIterator[Bm25View]:
    assert await rebuild(store, tmp_path / "view", at_once) == len(TEXTS)
    opened = Bm25View(tmp_path / "view")
    yield opened
    opened.close()


def reference(texts: list[str], query: str) -> list[float]:
    package = BM25Okapi([text.lower().split() for text in texts])
    return [float(score) for score in package.get_scores(query.lower().split())]


QUERIES = ["yeast sugar", "the sun is a star,", "Sugar sugar", "zebra", "", "日本語 and", "and is"]


@pytest.mark.parametrize("query", QUERIES)
async def test_scores_are_those_of_the_package(view: Bm25View, query: str) -> None:
    texts = [text for text, _ in view.pages()]
    assert sorted(texts) == sorted(TEXTS.values()), "whole pages, nothing doubled"
    assert view.scores(query).tolist() == pytest.approx(reference(texts, query), abs=1e-9)


async def test_the_best_pages_come_first_with_what_a_result_needs(view: Bm25View) -> None:
    hits = view.search("yeast", 10, ALL)
    assert [hit.payload["url"] for hit in hits] == [
        "https://a.example/yeast",
        "https://a.example/bread",
    ]
    best = hits[0]
    assert best.id == str(uuid.uuid5(uuid.NAMESPACE_URL, "https://a.example/yeast#0"))
    assert best.payload["text"] == TEXTS["https://a.example/yeast"]
    assert best.payload["title"] == "Title https://a.example/yeast"
    assert best.payload["chunk_index"] == 0
    assert view.search("yeast", 1, ALL) == hits[:1]
    assert view.search("zebra", 10, ALL) == []


async def test_filters_hold(view: Bm25View) -> None:
    def urls(where: Filter) -> list[str]:
        return sorted(hit.payload["url"] for hit in view.search("sugar and", 10, where))

    assert urls(Filter({"domain": "a.example"})) == ["https://a.example/bread"]
    assert urls(Filter(url_prefix="https://b.example/c")) == ["https://b.example/common"]
    assert urls(Filter({"isMobile": True})) == []
    assert len(urls(Filter({"isMobile": False}))) == 3


words = st.sampled_from(["a", "b", "c", "d", "e", "f", "the", "of", "x1", "ÿ"])
corpus = st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=12)


class Pages:
    """Just enough of a store: its points, in whatever order."""

    def __init__(self, points: list[Whole]) -> None:
        self.points = points

    async def scroll(self, fields: Any, where: Filter) -> AsyncIterator[list[Any]]:
        from pulse_cli.model import Hit

        for start in range(0, len(self.points), 3):
            yield [
                Hit(point.id, 0.0, {name: point.payload.get(name) for name in fields})
                for point in self.points[start : start + 3]
            ]


@settings(max_examples=60, deadline=None)
@given(corpus, st.lists(words, max_size=5), st.randoms(use_true_random=False), st.integers(1, 40))
async def test_any_corpus_in_any_order_scores_as_the_package(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[list[str]],
    query: list[str],
    random: Any,
    most_postings: int,
) -> None:
    folder = tmp_path_factory.mktemp("view")
    texts = [" ".join(document) for document in documents]
    points = [
        point
        for number, text in enumerate(texts)
        for point in chunks(f"https://a.example/{number}", text, size=9, overlap=4)
    ]
    random.shuffle(points)
    store: Any = Pages(points)
    await rebuild(store, folder, at_once, most_postings=most_postings)
    view = Bm25View(folder)
    stored = [text for text, _ in view.pages()]
    assert sorted(stored) == sorted(texts)
    expected = reference(stored, " ".join(query))
    assert view.scores(" ".join(query)).tolist() == pytest.approx(expected, abs=1e-9)
    view.close()


@given(st.text(max_size=200), st.integers(1, 30), st.integers(0, 29))
def test_overlapping_chunks_give_the_text_back(text: str, size: int, overlap: int) -> None:
    pieces = chunks("https://a.example/", text, size, min(overlap, size - 1))
    cut = [(p.payload["char_start"], p.payload["char_end"], p.payload["text"]) for p in pieces]
    assert join_chunks(cut) == text


def test_gaps_are_white_space_and_strangers_are_put_in_line() -> None:
    assert join_chunks([(2, 5, "abc"), (7, 9, "de")]) == "abc\nde"
    assert join_chunks([(None, None, "one"), (None, None, "two")]) == "one\ntwo"
    assert join_chunks([(0, 3, "abc"), (0, 99, "wrong")]) == "abc\nwrong"
    assert join_chunks([(0, 9, "abcdefghi"), (2, 4, "cd")]) == "abcdefghi"
    assert join_chunks([]) == ""


async def test_rebuilding_replaces_the_view_as_a_whole(store: EdgeStore, tmp_path: Path) -> None:
    folder = tmp_path / "view"
    await rebuild(store, folder, at_once)
    old = Bm25View(folder)
    await store.delete_pages(["https://a.example/yeast"])
    await rebuild(store, folder, at_once)
    new = Bm25View(folder)
    assert len(old.search("yeast", 10, ALL)) == 2, "who reads the old one goes on reading it"
    assert len(new.search("yeast", 10, ALL)) == 1
    assert new.points == await store.count() < old.points
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert (folder / FILE).stat().st_mode & 0o077 == 0
    for view in (old, new):
        view.close()


async def test_a_rebuild_cut_short_leaves_the_old_view(store: EdgeStore, tmp_path: Path) -> None:
    folder = tmp_path / "view"
    await rebuild(store, folder, at_once)
    calls = 0

    async def fail_at(wanted: int, function: Callable[..., Any], *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == wanted:
            raise OSError(28, "No space left on device")
        return function(*args)

    for wanted in range(1, 5):
        calls = 0
        with pytest.raises(OSError, match="No space"):
            await rebuild(store, folder, lambda f, *a, n=wanted: fail_at(n, f, *a))  # type: ignore[arg-type]
        view = Bm25View(folder)
        assert view.documents == len(TEXTS)
        view.close()
        assert [path.name for path in folder.iterdir()] == [FILE]


async def test_an_empty_store_makes_an_empty_view(tmp_path: Path) -> None:
    empty: Any = Pages([])
    assert await rebuild(empty, tmp_path, at_once) == 0
    view = Bm25View(tmp_path)
    assert view.search("anything", 5, ALL) == []
    view.close()


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 100])
def test_what_is_no_view_is_fatal_and_says_how_to_make_one(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(Fatal) as raised:
        Bm25View(tmp_path)
    assert "bm25 rebuild" in raised.value.hint


LOAD = """
import json, pickle, sys
with open(sys.argv[1], "rb") as file:
    print(json.dumps(pickle.load(file)))
"""


def unpickled(path: Path) -> Any:
    """What the real reader makes of it, in a process that may run it."""
    command = [sys.executable, "-c", LOAD, str(path)]
    return orjson.loads(subprocess.run(command, capture_output=True, check=True).stdout)


async def test_the_export_is_what_the_original_service_loads(
    view: Bm25View, tmp_path: Path
) -> None:
    target = tmp_path / "index.pkl"
    target.write_text("an older one")
    bm25_export.export(view, target)
    found = unpickled(target)
    assert list(found) == ["corpus", "tokenized_corpus", "metadata"]
    assert found["corpus"] == [" ".join(text.split()) for text, _ in view.pages()]
    assert found["tokenized_corpus"] == [text.lower().split() for text, _ in view.pages()]
    assert found["metadata"] == [metadata for _, metadata in view.pages()]
    assert set(found["metadata"][0]) == {
        *("url", "canonical_url", "domain", "title", "description"),
        *("language", "country", "isMobile"),
    }
    package = BM25Okapi(found["tokenized_corpus"])
    assert view.scores("yeast sugar").tolist() == pytest.approx(
        package.get_scores(["yeast", "sugar"]).tolist(), abs=1e-9
    )
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".new")]
