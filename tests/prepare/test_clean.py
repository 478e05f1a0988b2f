"""What cleaning takes away, and above all what it does not."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from pulse_cli.prepare.clean import clean
from tests.prepare.pages import ANY_TEXT_WITH_SURROGATES, MARKDOWN

PIXEL = "data:image/png;base64," + "iVBORw0KGgo" * 9 + "AA=="


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("plain", "plain", id="nothing to do"),
        pytest.param(f"![a chart]({PIXEL})", "![a chart]()", id="image"),
        pytest.param(f'<img src="{PIXEL}" alt="x">', '<img src="" alt="x">', id="html image"),
        pytest.param(f"url('{PIXEL}') end", "url('') end", id="style"),
        pytest.param(
            f"{PIXEL.replace(';', ';charset=utf-8;')} end", " end", id="image with parameters"
        ),
        pytest.param("write data:image/png;base64,iVBOR", None, id="an example in prose stays"),
        pytest.param(
            "![logo](data:image/svg+xml;charset=utf-8,%3Csvg%20xmlns=%22http://w3.org/%22%2F%3E)",
            "![logo]()",
            id="image that is not base64",
        ),
        pytest.param("url(data:image/svg+xml,%3Csvg%3E) or data:image/png", None, id="short ones"),
        pytest.param("data: a column; base64, an encoding", None, id="words stay"),
        pytest.param("QUJD" * 500, None, id="base64 that is no URI stays"),
        pytest.param("a\r\nb\rc\vd\fe\x85f\u2028g\u2029h", "a\nb\nc\nd\ne\nf\ng\nh", id="lines"),
        pytest.param("a\x00b\x07\x1b[0m\x7f\x9fc", "ab[0mc", id="controls"),
        pytest.param("a\x1cb\x1fc", "a b c", id="separators"),
        pytest.param("soft\xadhy\u200bphen\ufeff\u2060", "softhyphen", id="invisible"),
        pytest.param("\u202eabc\u202c\u2066d\u2069\u200f", "abcd", id="direction"),
        pytest.param("a\U000e0041\U000e007fb", "ab", id="tags"),
        pytest.param("a\ud83db\udfff", "ab", id="lone surrogates"),
        pytest.param("a\u200db \u200cc", "ab c", id="joiners beside ASCII"),
        pytest.param(
            "\u0645\u06cc\u200c\u062e\u0648\u0627 👩\u200d🚀", None, id="joiners that matter"
        ),
        pytest.param("a\xa0b\u2009c\u3000d\u202fe", "a b c d e", id="spaces"),
        pytest.param("a  \nb\t \n c \n", "a\nb\n c", id="ends of lines"),
        pytest.param("a\n \n\t\n\n\n\nb", "a\n\n\nb", id="blank lines"),
        pytest.param("a\n\n\nb", None, id="two blank lines stay"),
        pytest.param("\n\n    indented\n\tcode  x\n\n", "    indented\n\tcode  x", id="code"),
        pytest.param("| a   | b |\n|-----|---|\n| 1   | 2 |", None, id="table"),
        pytest.param("---\n\n***\n![]() > |", "", id="nothing to search for"),
        pytest.param("→", None, id="a symbol alone stays"),
        pytest.param("", "", id="empty"),
        pytest.param(" \n\u200b\t\x00 ", "", id="blank"),
    ],
)
def test_examples(text: str, cleaned: str | None) -> None:
    assert clean(text) == (text if cleaned is None else cleaned)


@given(MARKDOWN)
def test_every_letter_and_digit_stays(text: str) -> None:
    assert "data:" not in text
    assert list(filter(str.isalnum, clean(text))) == list(filter(str.isalnum, text))


@given(MARKDOWN)
def test_lines_keep_their_indentation(text: str) -> None:
    cleaned = clean(text)
    for line in text.split("\n"):
        if line.isascii() and line.isprintable() and any(map(str.isalnum, line)):
            assert line.rstrip() in cleaned


@given(ANY_TEXT_WITH_SURROGATES)
def test_the_result_is_fit_for_any_service(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()  # no lone surrogate
    assert not cleaned or (cleaned[0] != "\n" and not cleaned[-1].isspace())
    assert "\n\n\n\n" not in cleaned
    assert all(c in "\n\t " for c in cleaned if c.isspace() or c < " " or "\x7f" <= c < "\xa0")


@given(ANY_TEXT_WITH_SURROGATES)
@example("\ud800\u200cé")
@example("\u200c\u200cé")
@example("é\u200d\u200da")
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_a_long_text_is_cleaned_as_a_short_one() -> None:
    unit = (
        "Line\xa0one \t\r\n\u200b\n\n \n\n\n    next\x00 \x1c one \n\u2060\n\n\n\u200d\n\nso\xad on"
    )
    many = 3_000_000 // len(unit)
    assert clean("\n".join([unit] * many)) == "\n".join([clean(unit)] * many)
    # Blocks would end among blank lines nearly everywhere.
    assert clean(("a" + "\n" * 5_000) * 600) == "\n\n\n".join("a" * 600)


def test_of_a_long_text_only_what_is_odd_is_changed() -> None:
    plain = "A line of text.\n" * 90_000
    assert clean(plain + plain + "end") == plain + plain + "end"
    assert clean(f"{plain}odd \n{plain}{plain}odd\x00{plain}") == (
        f"{plain}odd\n{plain}{plain}odd{plain}".rstrip()
    )


def test_a_long_image_goes_wherever_blocks_end() -> None:
    image = "![chart](data:image/webp;base64," + "A" * 4_000_000 + ")"
    assert clean(f"before\n{image}\nafter") == "before\n![chart]()\nafter"
