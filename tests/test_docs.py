"""The documents tell what the program does, and go on doing so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from pulse_cli.app.summary_json import failed
from pulse_cli.cli.app import app
from pulse_cli.cli.commands.completion import verbs
from pulse_cli.cli.exit_codes import MEANINGS
from pulse_cli.config.tree import leaves
from pulse_cli.errors import Exit

ROOT = Path(__file__).parents[1]
ROOT_COMMAND = typer.main.get_command(app)
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- ([^\n]*?) -->\n)?```sh\n(.*?)```", re.DOTALL)


def test_what_is_made_from_the_program_is_current():
    """Help pages, tables, example settings and completions: as `tools/render.py` makes them."""
    done = subprocess.run(
        [sys.executable, "tools/render.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    "verb", list(verbs(ROOT_COMMAND)), ids=lambda verb: " ".join(verb.words) or "pulse"
)
def test_every_command_and_flag_is_in_the_readme(verb):
    name = " ".join(["pulse", *verb.words])
    block = re.search(rf"```text\n\$ {name} --help\n(.*?)```", README, re.DOTALL)
    assert block, f"README.md has no help page of `{name}`"
    for flag in verb.flags:
        if flag.names != ("--help",):
            assert all(name in block[1] for name in flag.names), flag.names


def test_every_setting_is_in_the_readme_and_in_the_example():
    example = (ROOT / "pulse.example.yaml").read_text()
    for leaf in leaves():
        assert f"| `{leaf.name}` |" in README
        assert f"#{leaf.path[-1]}: " in example


def test_every_exit_code_is_in_the_readme():
    assert set(MEANINGS) == set(Exit)
    for code in Exit:
        assert f"| {code.value} | " in README


def test_the_object_of_index_is_described_key_by_key():
    block = re.search(r'```text\n(\{"run_id".*?)```', README, re.DOTALL)
    assert block
    object_ = failed("kind", "message", "hint", Exit.FATAL)
    inner = [name for key in ("target", "documents", "rates") for name in object_[key]]
    named = set(re.findall(r'"(\w+)"', block[1])) - {"complete", "interrupted"}
    stages = {"busy_s", "p50_ms", "p95_ms", "p99_ms"}
    assert named == {*object_, *inner, *object_["error"], *stages, "failed"}


def test_the_two_commands_stand_on_one_line_each():
    marked = dict(BLOCK.findall(README))
    for mark in ("main-job", "tests"):
        assert marked[mark].count("\n") == 1
    assert "'.[local]'" in marked["main-job"]
    assert "'.[local,test]'" in marked["tests"]


def test_ci_takes_its_commands_from_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "command_of tests" in script
    assert "command_of main-job" in script
    assert "pip install" not in script


COMMANDS = [text for mark, text in BLOCK.findall(README) if not mark]


@pytest.mark.begun_first
def test_the_commands_of_the_readme_work(tmp_path):
    """All that need no server, in their order, as a newcomer in a clone would type them."""
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copytree(ROOT / "fixtures", clone / "fixtures")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "pulse").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pulse_cli "$@"\n')
    (programs / "pulse").chmod(0o755)
    env = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }
    assert len(COMMANDS) >= 5
    for text in COMMANDS:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=clone,
            env=env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=150,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def test_links_within_the_repository_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for name in re.findall(r"`((?:pulse_cli|tests|tools|fixtures|engine)/[\w./-]+)`", README):
        assert (ROOT / name).exists() or (ROOT / "pulse_cli" / name).exists(), name


def test_the_picture_fetches_nothing():
    picture = (ROOT / "docs" / "terminal.svg").read_text()
    assert re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", picture) == []
    assert "the power failed at night" in picture.replace("\u00a0", " ").replace("&#160;", " ")


def test_compose_starts_tei_and_qdrant_on_the_loopback_address_only():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert set(compose["services"]) == {"tei", "qdrant"}
    for service in compose["services"].values():
        name, _, tag = service["image"].rpartition(":")
        assert name
        assert re.search(r"\d+\.\d+", tag), "the image is pinned"
        assert service["healthcheck"]["test"][0] == "CMD"
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in compose["volumes"]
    tei, qdrant = compose["services"]["tei"], compose["services"]["qdrant"]
    assert "sentence-transformers/all-MiniLM-L6-v2" in tei["command"]
    version = re.search(r":v(\d+)\.(\d+)\.(\d+)$", qdrant["image"])
    assert version
    assert tuple(int(part) for part in version.groups()) >= (1, 18, 1)
    for address in ("http://localhost:8080", "http://localhost:6333"):
        assert address in README
        port = address.rpartition(":")[2]
        assert any(f":{port}:" in p for s in compose["services"].values() for p in s["ports"])
