"""The title of a page that names none: what a reader sees of its first heading."""

from __future__ import annotations

import time

import pytest

from pulse_cli.read.firecrawl.titles import heading_of

HEADINGS = [
    ('# Install[\u200b](#install "Direct link to Install")', "Install"),
    ('# Install[\u200b](https://a.org/x#install "Direct link to Install")', "Install"),
    ("# Guide[#](#guide)", "Guide"),
    ('# Guide [¶](#guide "Permanent link")', "Guide"),
    ("# [](#guide)Guide", "Guide"),
    ("# Guide [Link to this heading](#guide)", "Guide"),
    ("# [Permalink: Guide](#guide)\n\n# Next", "Next"),
    ("# [Guide](#guide)", "Guide"),
    ("# Link to the past", "Link to the past"),
    ('# A [link](https://a.org/a_(b) "hover") here', "A link here"),
    ("# foo\\_bar \\[x\\] \\# y", "foo_bar [x] # y"),
    ("# 2 \\* 3", "2 * 3"),
    ("# **Bold** `code` and __more__", "Bold code and more"),
    ("# snake__case__name", "snake__case__name"),
    ("# C# and F# ##", "C# and F#"),
    ("# F#", "F#"),
    ("# Install {#install}", "Install"),
    ("Title\n=====\n\ntext", "Title"),
    ("```\n# no\n```\n# yes", "yes"),
    ("#\n\n# Second", "Second"),
    ("#hashtag", None),
    ("text", None),
]


@pytest.mark.parametrize(("text", "title"), HEADINGS)
def test_headings(text, title):
    assert heading_of(text) == title


@pytest.mark.parametrize(
    "text", ["# " + "[" * 60_000, "# " + "[a](" * 15_000, "x\n" * 30_000, "# " + "**a" * 20_000,
             "# [a](" + "(a)" * 20_000, "```\n# a" * 8_000, "# \\" * 20_000]
)  # fmt: skip
def test_time_is_linear(text):
    began = time.process_time()
    heading_of(text)
    assert time.process_time() - began < 5
