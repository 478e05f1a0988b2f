"""What is written about the settings is made from them, and reads back as them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from pulse_cli.config import Settings, describe, load
from pulse_cli.config.tree import leaves
from pulse_cli.config.units import parse_duration, parse_size, show_duration, show_size


def test_the_example_names_every_setting_and_is_a_settings_file(tmp_path: Path) -> None:
    text = describe.example_yaml()
    (tmp_path / "pulse.yaml").write_text(text)
    assert load(None, None, {}, tmp_path).settings == Settings()
    for leaf in leaves():
        assert f"#{leaf.path[-1]}: " in text, leaf.name


def test_the_example_with_every_line_in_use_means_the_defaults(tmp_path: Path) -> None:
    lines = describe.example_yaml().splitlines()
    used = [re.sub(r"^( *)#(?=\w)", r"\1", line) for line in lines]
    (tmp_path / "pulse.yaml").write_text("\n".join(used))
    loaded = load(None, None, {}, tmp_path)
    assert loaded.settings == Settings()
    assert len(loaded.origins) == len(list(leaves()))


def test_every_setting_says_why() -> None:
    assert [leaf.name for leaf in leaves() if not leaf.field.description] == []


def test_show_tells_where_each_value_came_from(tmp_path: Path) -> None:
    (tmp_path / "pulse.yaml").write_text("embed:\n  timeout: 30s\n")
    flags = {"search.limit": ("--limit", "3")}
    loaded = load(flags, None, {"PULSE_RUN__MAX_DEAD": "1%"}, tmp_path)
    rows = {name: (value, origin) for name, value, origin in describe.effective(loaded)}
    assert rows["embed.timeout"][0] == "30s"
    assert rows["embed.timeout"][1].endswith("pulse.yaml:2")
    assert rows["run.max_dead"] == ("1%", "$PULSE_RUN__MAX_DEAD")
    assert rows["search.limit"] == ("3", "--limit")
    assert rows["chunk.max_tokens"] == ("800", "default")


def test_the_schema_knows_every_setting_and_allows_no_other() -> None:
    schema = describe.schema()
    sections = schema["$defs"]
    assert schema["additionalProperties"] is False
    for leaf in leaves():
        at = schema
        if len(leaf.path) > 1:
            at = sections[schema["properties"][leaf.path[0]]["$ref"].rpartition("/")[2]]
            assert at["additionalProperties"] is False
        assert at["properties"][leaf.path[-1]]["description"] == leaf.field.description
    assert json.loads(json.dumps(schema)) == schema


def test_the_table_shows_defaults_as_they_would_be_written() -> None:
    table = describe.markdown_table({"source.max_record": "--max-record"})
    assert "| `source.max_record` | `--max-record` | `64MiB` |" in table
    assert yaml.safe_load("64MiB") == "64MiB"


@given(st.integers(0, 1 << 50))
def test_sizes_read_back_as_they_are_shown(count: int) -> None:
    assert parse_size(show_size(count)) == count


@given(st.integers(0, 10_000_000))
def test_durations_read_back_as_they_are_shown(seconds: int) -> None:
    assert parse_duration(show_duration(seconds)) == seconds
