"""`pulse config`."""

from __future__ import annotations

import json

import pytest
import yaml

from pulse_cli.cli.exit_codes import Exit


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"embed: http://x\n", "pulse.yaml:1: `embed`: is a section"),
        (b"embed: [http://x]\n", "pulse.yaml:1: `embed`: is a section"),
        (b"embed:\n  url: {a: b}\nchunk: 3\n", "pulse.yaml:3: `chunk`: is a section"),
        (b"embed:\n\turl: local\n", "pulse.yaml:2: there is a tab here"),
        (b"\x7fELF\x00\x01", "pulse.yaml: holds a control character"),
        (b"embed: &a\n  url: x\nqdrant: *a\n", "pulse.yaml:3: is not valid YAML: aliases"),
        (b"log: {file: ~nobody-here/x}\n", "pulse.yaml:1: `log.file`: there is no home folder"),
        (None, "pulse.yaml: cannot be read: Is a directory"),
    ],
)
def test_no_settings_file_is_a_bug_of_pulse(pulse, home, text, says):
    """Also with a flag that belongs into the section that is none."""
    file = home / "work" / "pulse.yaml"
    file.mkdir() if text is None else file.write_bytes(text)
    ran = pulse("index", "x.jsonl", "--tei", "http://127.0.0.1:9", "--dry-run")
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert says in " ".join(ran.err.split())
