"""Term weights are those of Qdrant's BM25; Chinese and Japanese can be searched as well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.model import Terms
from pulse_cli.prepare import PrepareOptions
from pulse_cli.prepare.terms import TermWeights
from tests.prepare.pages import MARKDOWN

PLAIN = PrepareOptions()


@pytest.fixture(scope="module")
def terms() -> TermWeights:
    return TermWeights(PLAIN)


def shared(chunk: Terms, query: Terms) -> int:
    return len(set(chunk.indices) & set(query.indices))


def test_weights_are_those_of_the_formula(terms: TermWeights) -> None:
    text = "pump pump valve"
    weights = sorted(terms.of_chunk(text).values)
    length = 1 - 0.75 + 0.75 * 3 / 256
    expected = [tf * 2.2 / (tf + 1.2 * length) for tf in (1, 2)]
    assert weights == pytest.approx(expected, rel=1e-5)
    flat = TermWeights(PrepareOptions(bm25_k=0.5, bm25_b=0, bm25_avg_len=10))
    assert sorted(flat.of_chunk(text).values) == pytest.approx([1.5 / 1.5, 3 / 2.5], rel=1e-5)


def test_queries_find_other_forms_of_a_word(terms: TermWeights) -> None:
    chunk = terms.of_chunk("The pumps were running under Water.")
    query = terms.of_query("the water pump runs")
    assert shared(chunk, query) == len(query.indices) == 3
    assert list(query.values) == [1.0, 1.0, 1.0]


def test_without_a_language_every_word_is_itself() -> None:
    none = TermWeights(PrepareOptions(bm25_language="none"))
    assert len(none.of_query("the running runs").indices) == 3
    german = TermWeights(PrepareOptions(bm25_language="german"))
    assert shared(german.of_chunk("die Häuser"), german.of_query("Haus")) == 1
    assert not german.of_query("die und der").indices
    with pytest.raises(ValueError, match="klingon"):
        TermWeights(PrepareOptions(bm25_language="klingon"))


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("水泵在压力下降时打开阀门。", "压力下降"),
        ("水泵在压力下降时打开阀门。", "阀门"),
        ("ポンプは圧力が下がると弁を開く", "圧力"),
        ("データベースに接続する方法", "データベース接続"),
        ("使用FastAPI构建应用", "FastAPI 应用"),
        ("龍", "龍"),
    ],
)
def test_parts_of_a_clause_without_spaces_are_found(
    terms: TermWeights, page: str, query: str
) -> None:
    found = shared(terms.of_chunk(page), terms.of_query(query))
    assert found >= 1
    assert shared(terms.of_chunk("毫无关系的句子和別の文章"), terms.of_query(query)) == 0


def test_text_with_spaces_is_left_to_edge(terms: TermWeights) -> None:
    import qdrant_edge

    model = qdrant_edge.Bm25(qdrant_edge.Bm25Config(language="english"))
    for text in (
        "Ünïcode wörds and naïve café",
        "поиск по словам",
        "a, b — c…",
    ):
        vector = model.embed_document(text)
        found = terms.of_chunk(text)
        assert (list(found.indices), list(found.values)) == (vector.indices, vector.values)


@pytest.mark.parametrize("text", ["", " ", "the and of", "...", "\n"])
def test_no_terms_are_no_error(terms: TermWeights, text: str) -> None:
    assert terms.of_chunk(text) == terms.of_query(text)
    assert len(terms.of_chunk(text).indices) == 0


@given(text=MARKDOWN, again=st.booleans())
def test_terms_are_sorted_positive_and_the_same_each_time(
    terms: TermWeights, text: str, again: bool
) -> None:
    chunk = terms.of_chunk(text)
    assert list(chunk.indices) == sorted(set(chunk.indices))
    assert len(chunk.indices) == len(chunk.values)
    assert all(value > 0 for value in chunk.values)
    assert chunk == (TermWeights(PLAIN) if again else terms).of_chunk(text)
    assert set(terms.of_query(text).indices) == set(chunk.indices)
