"""Words are weighed by the engine's own BM25, as a Qdrant server does it."""

from __future__ import annotations

from dataclasses import asdict
from typing import get_args

import pytest

from pulse_cli.config.settings import Bm25Language
from pulse_cli.payload import Bm25Options
from pulse_cli.prepare.words import bm25_text
from pulse_cli.store.bm25 import asked, weighed

ENGLISH = asdict(Bm25Options())
NONE = asdict(Bm25Options("none"))
GERMAN = asdict(Bm25Options("german"))


def shared(text: str, query: str, options: dict[str, object]) -> int:
    chunk = weighed(bm25_text(text), options)
    return len(set(chunk.indices) & set(asked(bm25_text(query), options).indices))


def test_weights_are_those_of_the_formula() -> None:
    weights = sorted(weighed("pump pump valve", ENGLISH).values)
    length = 1 - 0.75 + 0.75 * 3 / 256
    assert weights == pytest.approx([tf * 2.2 / (tf + 1.2 * length) for tf in (1, 2)], rel=1e-5)
    flat = sorted(weighed("pump pump valve", asdict(Bm25Options("english", 0.5, 0, 10))).values)
    assert flat == pytest.approx([1.5 / 1.5, 3 / 2.5], rel=1e-5)


def test_a_server_gives_these_weights() -> None:
    """Answered by Qdrant 1.18.3 to `{"text", "model": "qdrant/bm25", "options"}`."""
    found = weighed("The pumps are running and the getUserName fails", ENGLISH)
    assert found.indices == [243905464, 678861749, 838568274, 1317935926]
    assert found.values == pytest.approx([1.6741974] * 4)
    plain = weighed("The pumps are running and the getUserName fails", NONE)
    assert plain.indices[:3] == [858463077, 899749539, 1132748958]
    assert plain.values[:3] == pytest.approx([1.6564705, 1.6564705, 1.8899329])


def test_queries_find_other_forms_of_a_word() -> None:
    assert shared("The pumps were running under Water.", "the water pump runs", ENGLISH) == 3
    assert asked("the water pump runs", ENGLISH).values == [1.0, 1.0, 1.0]
    assert shared("die H\u00e4user", "Haus", GERMAN) == 1
    assert not asked("die und der", GERMAN).indices


def test_without_a_language_every_word_is_itself() -> None:
    assert len(asked("the running runs", NONE).indices) == 3


@pytest.mark.parametrize("language", get_args(Bm25Language))
def test_the_engine_knows_every_language_of_the_settings(language: str) -> None:
    assert weighed("fastapi", asdict(Bm25Options(language))).indices


@pytest.mark.parametrize("text", ["", " ", "the and of", "...", "\n"])
def test_no_words_are_no_error(text: str) -> None:
    assert not weighed(text, ENGLISH).indices
    assert not asked(text, ENGLISH).indices


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
def test_parts_of_a_clause_without_spaces_are_found(page: str, query: str) -> None:
    assert shared(page, query, ENGLISH) >= 1
    assert shared("毫无关系的句子和別の文章", query, ENGLISH) == 0
