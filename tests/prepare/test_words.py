"""What people type is among the words of the pages that hold it."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
import qdrant_edge as edge
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.prepare import words
from pulse_cli.prepare.words import bm25_text

PLAIN = edge.Bm25(
    edge.Bm25Config(stopwords=edge.StopwordsSet(), stemmer=edge.DisabledStemmer(), language=None)
)


def terms(text: str) -> set[int]:
    return set(PLAIN.embed_query(bm25_text(text)).indices)


def covers(page: str, query: str) -> bool:
    """Whether the page has every word of the query."""
    return terms(query) <= terms(page)


NAMES = {
    "foo.bar()": "foo bar",
    "ERR_CONN_RESET": "conn reset",
    "getUserName": "user name",
    "CVE-2024-1234": "cve 2024",
    "--max-old-space-size": "old space",
    "HTTPServer": "http server",
    "gpt-4o-mini": "gpt mini",
    "ESP32-C3": "esp32",
    "requests.Session.get_adapter": "session get_adapter",
    "os.path.joinAll": "path join",
    "std::unique_ptr": "std ptr",
    "std::vector<int>": "vector",
    "Foo::Bar::~baz()": "bar baz",
    "C++": "c",
    "c#": "c",
}


@pytest.mark.parametrize(("name", "parts"), NAMES.items())
def test_names_are_found_whole_and_by_their_parts(name: str, parts: str) -> None:
    page = f"Before you call it, set `{name}`, then go on."
    assert covers(page, name)
    assert covers(page, parts)
    apart = " ".join(["Here", *parts.split(), "stand apart", name[:1]])
    assert not covers(apart, name), "the parts alone would rank like the name"


@pytest.mark.parametrize(
    "prose",
    [
        "A well-known, state-of-the-art method: see below. Next, e.g. this one.",
        "On 2024-01-02 version 3.11.2 came out; UUIDs and URLs stayed as they were.",
        "NASA and the EU; Hello World (again)",
        "https://docs.example.com/guide",
        "## Heading C## [c](#c#x) a:: b i++ &c#; docs/c# no",
    ],
)
def test_prose_gets_no_further_words(prose: str) -> None:
    assert bm25_text(prose) == " ".join(prose.split())


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("the \ufb01le o\ufb03ce", "file office"),
        ("\uff26\uff35\uff2c\uff2c width", "full"),
        ("\uff76\uff9e\uff72\uff84\uff9e \uff8d\uff9f\uff70\uff7c\uff9e", "ガイド ページ"),
        ("Stra\u00dfe", "STRASSE"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),
        (unicodedata.normalize("NFD", "Café über Ångström"), "café ÜBER ångström"),
        ("q\u0301rst", "qrst"),
        ("\ufee3\ufeae\ufea3\ufe92\ufe8e", "\u0645\u0631\u062d\u0628\u0627"),
        (
            "\u0645\u064e\u0631\u0652\u062d\u064e\u0640\u0628\u064b\u0627",
            "\u0645\u0631\u062d\u0628\u0627",
        ),
        ("\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("Docker\u2122 images", "docker"),
        ("\u0130stanbul", "istanbul"),
    ],
)
def test_one_word_in_two_spellings_is_one_word(page: str, query: str) -> None:
    assert covers(page, query)


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("水泵在压力下降时打开阀门。", "压力下降"),
        ("データベースに接続する方法", "データベース"),
        ("쿠버네티스에서 컨테이너를 실행합니다", "컨테이너 실행"),
        (unicodedata.normalize("NFD", "컨테이너를"), "컨테이너"),
        ("การติดตั้งโปรแกรมบนเครื่องคอมพิวเตอร์", "โปรแกรม"),
        ("ທຸກຄົນເກີດມາມີສິດເສລີພາບ", "ເສລີພາບ"),
        ("មនុស្សទាំងអស់កើតមកមានសេរីភាព", "សេរីភាព"),
        ("လူတိုင်းသည်တူညီလွတ်လပ်သောဂုဏ်သိက္ခာ", "လွတ်လပ်"),
    ],
)
def test_words_without_spaces_are_found_inside_a_clause(page: str, query: str) -> None:
    assert covers(page, query)
    assert not terms("ไม่เกี่ยวข้อง 毫无关系 관계없음 ບໍ່ກ່ຽວ မဆိုင် មិនពាក់ព័ន្ធ") & terms(query)


def test_words_of_indic_scripts_stay_whole() -> None:
    assert len(terms("हिन्दी क्षेत्र")) == 2


@given(st.text())
def test_composed_and_decomposed_text_are_the_same(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert bm25_text(composed) == bm25_text(decomposed)


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), min_size=1)))
def test_a_word_is_written_the_same_wherever_it_stands(parts: list[str]) -> None:
    written = Counter(bm25_text(" ".join(parts)).split())
    assert written == Counter(w for part in parts for w in bm25_text(part).split())


def test_words_between_others_in_other_scripts_are_written_as_alone() -> None:
    page = "Приложение calls `getUserName` at https://api.example.com/v1 — 打开阀门"
    for query in ("user name", "приложение", "阀门", "api example com"):
        assert covers(page, query)
    assert not covers(page, "apiexamplecom")


def test_memory_and_time_are_bounded() -> None:
    for number in range(words.MOST_REMEMBERED + 10):
        assert bm25_text(f"w{number} \u00e9{number}") == f"w{number} \u00e9{number}"
    assert len(words._forms) <= words.MOST_REMEMBERED
    assert len(words._written) <= words.MOST_REMEMBERED
    for run in ("a", "aB", "a.", "_", "-", "龍", "ก", "က္", "ក្", "\u0301", "가"):
        long = run * (400_000 // len(run))
        assert len(bm25_text(long)) < 8 * len(long)
    for word in (*words._forms, *words._written):
        assert len(word) <= words.LONGEST_REMEMBERED
