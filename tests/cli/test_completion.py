"""The completion scripts do in the shells what they say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from pulse_cli.cli.app import app
from pulse_cli.cli.commands.completion import SHELLS, script, verbs

ROOT_COMMAND = typer.main.get_command(app)
SCRIPTS = Path(__file__).parents[2] / "completions"


def bash(line: str, folder: Path) -> list[str]:
    """What bash offers at the end of `line`."""
    words = line.split(" ")
    program = f"""
source {SCRIPTS / "pulse.bash"}
COMP_WORDS=({" ".join(f"'{word}'" for word in words)}) COMP_CWORD={len(words) - 1}
_pulse
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-c", program],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "XDG_DATA_HOME": str(folder / "data")},
        check=True,
    )
    assert done.stderr == ""
    return sorted(done.stdout.split("\n"))[1:] if done.stdout != "\n" else []


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data" / "pulse" / "kitchen").mkdir(parents=True)
    (tmp_path / "data" / "pulse" / "garden").mkdir()
    (tmp_path / "my crawl.jsonl").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pulse in", ["index"]),
        ("pulse config ", ["init", "schema", "show"]),
        ("pulse config s", ["schema", "show"]),
        ("pulse completion ", ["bash", "fish", "zsh"]),
        ("pulse index --dry", ["--dry-run"]),
        ("pulse search --mode ", ["bm25", "hybrid", "vector"]),
        ("pulse index x.jsonl --progress pl", ["plain"]),
        ("pulse search --collection ", ["garden", "kitchen"]),
        ("pulse index --collection k", ["kitchen"]),
        ("pulse index my", ["my crawl.jsonl"]),
        ("pulse index --config my", ["my crawl.jsonl"]),
        ("pulse index --qdrant ", ["data"]),
        ("pulse index --max-dead ", []),
        ("pulse --v", ["--version"]),
        ("pulse bench --profile eight", ["eight-slots", "eight-slots-x10"]),
        ("pulse index --set chunk.m", ["chunk.max_tokens="]),
        ("pulse search --filter dom", ["domain="]),
        ("pulse index index", []),
    ],
)
def test_bash_offers(line, offered, folder):
    assert bash(line, folder) == offered


def test_bash_offers_every_command_and_every_flag(folder):
    for verb in verbs(ROOT_COMMAND):
        flags = bash(" ".join(["pulse", *verb.words, "--"]), folder)
        known = [name for flag in verb.flags for name in flag.names if name.startswith("--")]
        assert flags == sorted(known), verb.words


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_in_the_repository_are_current(shell):
    assert (SCRIPTS / f"pulse.{shell}").read_text() == script(shell, ROOT_COMMAND)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_takes_its_script(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    subprocess.run([shell, "-n", SCRIPTS / f"pulse.{shell}"], check=True)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pulse in", {"index"}),
        ("pulse config s", {"show", "schema"}),
        ("pulse search --mode b", {"bm25"}),
        ("pulse index --dry", {"--dry-run"}),
        ("pulse search --collection k", {"kitchen"}),
    ],
)
def test_fish_offers(line, offered, folder):
    if shutil.which("fish") is None:
        pytest.skip("needs fish")
    program = f"source {SCRIPTS / 'pulse.fish'}; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", program],
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
        },
        check=True,
    )
    assert {row.split("\t")[0] for row in done.stdout.splitlines()} == offered
