"""`pulse config`."""

from __future__ import annotations

import json

import yaml

from pulse_cli.errors import Exit


def test_init_writes_a_file_that_show_reads(pulse, home):
    assert pulse("config", "init").code == 0
    file = home / "work" / "pulse.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(file.read_text()).keys() >= {"embed", "qdrant"}
    shown = pulse("config", "show")
    assert shown.code == 0
    assert "embed.url: local" in shown.out
    again = pulse("config", "init")
    assert (again.code, again.out) == (Exit.USAGE, "")
    assert "pulse.yaml exists already" in again.err
    file.write_text("search: {limit: 3}\n")
    assert pulse("config", "init", "--force").code == 0
    assert "limit: 3" not in file.read_text()


def test_show_names_the_place_of_each_value(pulse, home, monkeypatch):
    (home / "work" / "pulse.yaml").write_text("search:\n  limit: 3\n")
    monkeypatch.setenv("PULSE_EMBED__API_KEY", "c4n4ry")
    shown = pulse("config", "show", "--set", "chunk.max_tokens=512").out
    rows = {line.split(":")[0]: line.partition("# ")[2] for line in shown.splitlines()}
    assert rows["search.limit"] == "pulse.yaml:2"
    assert rows["embed.api_key"] == "$PULSE_EMBED__API_KEY"
    assert rows["chunk.max_tokens"] == "--set chunk.max_tokens"
    assert "c4n4ry" not in shown
    found = pulse("config", "show", "--json").json
    assert found["settings"]["search"]["limit"] == 3
    assert found["origins"]["search.limit"] == "pulse.yaml:2"


def test_schema_is_json(pulse):
    assert json.loads(pulse("config", "schema").out)["additionalProperties"] is False
