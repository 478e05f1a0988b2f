"""Corpora of benchmarks: made up from a seed, named, repeated."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from pulse_cli.bench.corpus import documents_of, generated_corpus, named_corpus, repeated
from pulse_cli.bench.prose import LONGEST, SHORTEST, pages
from pulse_cli.errors import Fatal


def test_the_same_seed_makes_the_same_pages() -> None:
    assert list(pages(20, 1000, seed=3)) == list(pages(20, 1000, seed=3))
    assert list(pages(20, 1000, seed=3)) != list(pages(20, 1000, seed=4))


def test_pages_are_as_long_as_asked_for_and_have_urls_of_their_own() -> None:
    made = list(pages(400, 1000, seed=1))
    lengths = sorted(len(page.text) for page in made)
    assert 800 < median(lengths) < 1250
    assert lengths[0] >= SHORTEST
    assert lengths[-1] <= LONGEST
    assert 5 < lengths[380] / median(lengths) < 14  # the longest twentieth
    assert len({page.url for page in made}) == len(made)


def test_pages_hold_what_documentation_holds() -> None:
    text = "\n\n".join(page.text for page in pages(100, 2000, seed=1))
    for sign in ("\n## ", "```python\n", "\n- ", "| --- |", "](https://", "検索", "🚀"):
        assert sign in text


def test_generated_pages_are_read_as_documents(tmp_path: Path) -> None:
    corpus = generated_corpus(tmp_path, 12, 500, seed=0)
    found = list(documents_of(corpus.sources))
    assert [one.text for one in found] == [page.text for page in pages(12, 500)]
    assert corpus.documents == 12
    assert corpus.text_bytes == sum(len(one.text.encode()) for one in found)


def test_a_named_corpus_is_counted(tmp_path: Path) -> None:
    made = generated_corpus(tmp_path, 5, 500, seed=0)
    named = named_corpus(made.sources)
    assert (named.documents, named.text_bytes) == (5, made.text_bytes)
    with pytest.raises(Fatal):
        named_corpus([str(tmp_path / "missing.jsonl")])


def test_a_repeated_page_is_another_page(tmp_path: Path) -> None:
    made = generated_corpus(tmp_path, 4, 500, seed=0)
    thrice = repeated(made, tmp_path, 3)
    found = list(documents_of(thrice.sources))
    assert thrice.documents == len(found) == 12
    assert len({one.url for one in found}) == 12
    assert [one.text for one in found] == 3 * [one.text for one in documents_of(made.sources)]
    assert thrice.text_bytes == 3 * made.text_bytes
    assert repeated(made, tmp_path, 1) == made
