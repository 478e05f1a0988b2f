"""Nothing from outside reaches the terminal as a command."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.sanitize import mask_credentials, sanitize


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("\u2066isolated\u2069", r"\u2066isolated\u2069"),
        ("soft\u00adhyphen and zero\u200bwidth", "softhyphen and zerowidth"),
        ("a family 👨‍👩‍👧 and می‌خواهم", "a family 👨‍👩‍👧 and می‌خواهم"),
        ("lone \ud800 surrogate", r"lone \ud800 surrogate"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("日本語 русский", "日本語 русский"),
        ("at http://ana:secret@host/x", "at http://***@host/x"),
        ("tag \U000e0041 characters", r"tag \ue0041 characters"),
    ],
)
def test_what_is_shown(text, shown):
    assert sanitize(text) == shown


@given(st.text())
def test_no_text_keeps_a_control_a_line_end_or_a_surrogate(text):
    joiners = {"\u200c", "\u200d"}
    for char in sanitize(text):
        assert char in joiners or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.from_regex(r"[a-z]{1,8}://[a-z]{1,5}:[a-z0-9%@!]{1,9}@[a-z]{1,9}/?", fullmatch=True))
def test_no_password_stays_in_an_address(url):
    user_info = url.split("://")[1].rpartition("@")[0]
    assert f"{user_info}@" not in mask_credentials(f"see {url} for more")


def test_an_at_sign_in_a_path_is_no_password():
    assert mask_credentials("https://host.example/@ana/post") == "https://host.example/@ana/post"
