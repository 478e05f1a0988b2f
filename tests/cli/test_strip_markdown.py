"""Passages read as text: marks go, lines of code and lists stay."""

from __future__ import annotations

import pytest

from pulse_cli.cli.strip_markdown import strip_markdown


def test_code_and_lists_keep_their_lines() -> None:
    markdown = "Run it:\n\n```sh\nfor x in *; do\n    echo `$x` <b>\ndone\n```\n\n- one\n- *two*\n"
    assert strip_markdown(markdown).split("\n") == [
        "Run it:",
        "for x in *; do",
        "    echo `$x` <b>",
        "done",
        "- one",
        "- two",
    ]


def test_a_chunk_that_begins_inside_code_keeps_that_code() -> None:
    assert strip_markdown("a = b < c > d\n```\n\nThen **go**.") == "a = b < c > d\nThen go."


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ('<p class="x">A <b>bold</b> word &amp; more<br/></p>', "A bold word & more"),
        ("`List<String>` of <i>all</i>", "List<String> of all"),
        ("if a < b and c > d", "if a < b and c > d"),
        (":::note[Mind this]\n\nBe careful.\n\n:::", "Mind this\n\nBe careful."),
        (":::tip\nBe careful.\n:::", "Be careful."),
        ('## Setup[\u200b](#setup "Direct link to Setup")\nGo.', "Setup.\nGo."),
        ("## Setup { #setup-it }\nGo.", "Setup.\nGo."),
        ("import Tabs from '@theme/Tabs';\nexport const x = 1\nGo.", "Go."),
        ("import the file, then export it", "import the file, then export it"),
        (r"snake\_case and 2\*3", "snake_case and 2*3"),
        ("see [the docs](https://x.example/a_b) and ![a chart](x.png)", "see the docs and a chart"),
        ("<!-- hidden\nlines -->shown", "shown"),
    ],
)
def test_marks_go(markdown: str, text: str) -> None:
    assert strip_markdown(markdown).strip() == text


def test_a_heading_that_repeats_the_title_goes() -> None:
    assert strip_markdown("# The *Title*\n\nText", "The Title") == "Text"


def test_long_hostile_text_takes_no_time() -> None:
    for piece in ("<a ", "[", "`", "**", "_", "::: ", "{#", "<!--", "```\n", "import ", "\\"):
        strip_markdown(piece * 20_000)
