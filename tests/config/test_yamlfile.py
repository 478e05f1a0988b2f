"""pulse.yaml is read safely, whatever is in it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.config.yamlfile import MAX_BYTES, read_yaml
from pulse_cli.errors import Fatal, Kind


def read(tmp_path: Path, text: str | bytes):
    path = tmp_path / "pulse.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_yaml(path)


def refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(Fatal) as caught:
        read(tmp_path, text)
    assert caught.value.kind is Kind.CONFIG
    return str(caught.value).removeprefix(str(tmp_path / "pulse.yaml"))


def test_every_key_knows_its_line(tmp_path):
    data, lines = read(tmp_path, "# head\nembed:\n  url: local\n\nsearch: {limit: 3}\n")
    assert data == {"embed": {"url": "local"}, "search": {"limit": 3}}
    assert lines == {("embed",): 2, ("embed", "url"): 3, ("search",): 5, ("search", "limit"): 5}


def test_an_empty_file_and_a_byte_order_mark_are_no_mistake(tmp_path):
    assert read(tmp_path, "")[0] == {}
    assert read(tmp_path, "# only a comment\n")[0] == {}
    assert read(tmp_path, b"\xef\xbb\xbfstate_dir: /x\n")[0] == {"state_dir": "/x"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3: duplicate key `a` (first on line 1)"),
        ("s:\n  a: 1\n  a: 2\n", ":3: duplicate key `s.a` (first on line 2)"),
        ("a: &x 1\nb: *x\n", ":2: is not valid YAML: aliases are not supported"),
        ("a: !!python/object/apply:os.system [id]\n", ":1: a value has a tag"),
        ("a: !other x\n", ":1: a value has a tag"),
        ("- a\n", ":1: must hold `name: value` lines"),
        ("just text\n", ":1: must hold `name: value` lines"),
        ("1: a\n", ":1: a key must be text"),
        ("on: a\n", ":1: a key must be text"),
        ("a: 2026-01-01\n", ":1: a value is read as a date"),
        ("a: 2026-99-99\n", ":1: a value looks like a date but is none"),
        ("a: [1\n", "is not valid YAML"),
        ("a: 1\n b: 2\n", ":2: is not valid YAML"),
        ("a: 1\n---\nb: 2\n", "is not valid YAML"),
        ("a: \x07\n", "control character"),
        ("a:\n\tb: 1\n", ":2: there is a tab here: write blanks instead"),
        (b"a: \xff\n", ": is not UTF-8 (byte 3)"),
        ("a: " + "[" * 20_000, "nested too deeply"),
        (b"# " + b"x" * MAX_BYTES, "larger than 1 MiB"),
    ],
)
def test_what_is_refused_and_how_it_is_told(tmp_path, text, says):
    assert says in refused(tmp_path, text)


def test_an_alias_bomb_is_refused_before_it_grows(tmp_path):
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "aliases are not supported" in refused(tmp_path, bomb)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(Fatal, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_any_bytes_are_data_or_a_refusal(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "pulse.yaml"
    path.write_bytes(data)
    with contextlib.suppress(Fatal):  # anything else is a bug
        read_yaml(path)


def test_a_number_of_thousands_of_digits_is_refused(tmp_path):
    assert ":1: a value looks like a number but is none" in refused(tmp_path, f"a: {'9' * 5000}\n")
