"""Tables and errors on narrow terminals."""

from __future__ import annotations

import io

from pulse_cli.cli.layout import ENDLESS, broken, rows, trouble, width_of


def test_a_long_text_is_broken_between_words_under_itself():
    lines = rows([("skipped", "3 blank, " * 12), ("index", "x")], 40)
    assert lines[0].startswith("  skipped    3 blank, 3 blank,")
    assert all(len(line) <= 40 for line in lines)
    assert all(line.startswith(" " * 13 + "3") or "blank" in line for line in lines[1:-1])
    assert lines[-1] == "  index      x"


def test_a_path_stays_whole():
    path = "/a/very-long/path/" * 5
    assert path in "\n".join(broken(f"kept in {path}", 40, 7))


def test_what_nobody_sees_is_not_broken():
    assert width_of(io.StringIO()) == ENDLESS
    assert len(rows([("a", "b " * 500)], width_of(io.StringIO()))) == 1


def test_an_error_is_indented_under_its_first_line():
    lines = trouble("first\nsecond\x1b[2J", "do this", 80)
    assert lines == ["pulse: first", r"       second\x1b[2J", "       do this"]
