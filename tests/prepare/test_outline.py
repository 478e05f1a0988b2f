"""Headings found as CommonMark finds them, and pieces that are the text."""

from __future__ import annotations

import pytest
from hypothesis import given

from pulse_cli.prepare.outline import PIECE, headings, pieces
from tests.prepare.pages import ANY_TEXT, MARKDOWN


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# a\n## b\n###### f", [(0, 1), (4, 2), (9, 6)]),
        ("text\n   ### c ###\n    # code", [(5, 3)]),
        ("#\n#a\n####### g\n# ", [(0, 1), (15, 1)]),
        ("Title\n=====\n\nSection\n---\n", [(0, 1), (13, 2)]),
        ("two\nlines\n==", [(4, 1)]),
        ("a paragraph\n\n---\nmore", []),
        ("- item\n---\n| a |\n---\n> quote\n===\n1. x\n---\n---\n---", []),
        ("```\n# comment\n```\n# real", [(18, 1)]),
        ("```py\n# a\n~~~\n# b\n``\n# c\n`````\n# real", [(31, 1)]),
        ("~~~~\n# a\n~~~\n# b\n```\n~~~~ no\n# c\n~~~~\n# real", [(38, 1)]),
        ("```inline``` code\n# real", [(18, 1)]),
        ("a\n```\n# open to the end", []),
        ("", []),
    ],
)
def test_headings(text: str, found: list[tuple[int, int]]) -> None:
    assert list(headings(text)) == found


@given(MARKDOWN)
def test_pieces_are_the_text_and_begin_at_its_headings(text: str) -> None:
    found = list(pieces(text))
    assert "".join(piece for piece, _ in found) == text
    assert all(0 < len(piece) <= PIECE for piece, _ in found)
    starts, at = {}, 0
    for piece, level in found:
        if level:
            starts[at] = level
        at += len(piece)
    assert starts == dict(headings(text))


@given(ANY_TEXT)
def test_cuts_are_the_gentlest_possible(text: str) -> None:
    # Long enough to be cut many times, without a heading.
    unit = "x" + text.replace("#", "x").replace("=", "x").replace("-", "x").replace("~", "x")
    long = unit * (3 * PIECE // len(unit) + 1)
    found = [piece for piece, _ in pieces(long)]
    assert "".join(found) == long
    if "\n\n" in unit:
        assert all(piece.endswith("\n\n") for piece in found[:-1])
    elif "\n" in unit:
        assert all(piece.endswith("\n") for piece in found[:-1])
    elif " " in unit:
        assert all(piece.endswith(" ") for piece in found[:-1])


@pytest.mark.parametrize("before", ["", "a few words before it ", "\n"])
def test_an_unbroken_run_is_cut_into_small_pieces(before: str) -> None:
    found = [piece for piece, _ in pieces(before + "z" * 100_000 + " words after it")]
    assert found[0] == (before or "z" * 2048)
    assert max(len(piece) for piece in found) <= PIECE
    assert len(found) < 100
