"""The documents say what the program does, and keep saying it when the program changes."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer
import yaml

from pulse_cli.app.summary_json import as_object, failed
from pulse_cli.cli.app import app
from pulse_cli.cli.commands.completion import verbs
from pulse_cli.cli.exit_codes import MEANINGS, Exit, with_exit_code
from pulse_cli.config import load
from pulse_cli.config.tree import leaves
from pulse_cli.errors import Fatal, Kind

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
}
BLOCK = re.compile(r"(?:<!-- ([^\n]*?) -->\n)?```sh\n(.*?)```", re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")


def nav(entries: list[dict[str, object]]) -> Iterator[str]:
    """The pages of the site, in the order of its navigation."""
    for entry in entries:
        for target in entry.values():
            if isinstance(target, list):
                yield from nav(target)
            else:
                yield str(target)


SITE = list(nav(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))


def test_what_is_made_from_the_program_is_current():
    """Help pages, tables, example settings and completions: as `tools/render.py` makes them."""
    done = subprocess.run(
        [sys.executable, "tools/render.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_every_command_and_flag_is_in_the_reference():
    reference = PAGES["docs/reference/commands.md"]
    for verb in verbs(typer.main.get_command(app)):
        name = " ".join(["pulse", *verb.words])
        block = re.search(rf"```text\n\$ {name} --help\n(.*?)```", reference, re.DOTALL)
        assert block, f"docs/reference/commands.md has no help page of `{name}`"
        for flag in verb.flags:
            if "--help" not in flag.names:
                assert all(spelled in block[1] for spelled in flag.names), (name, flag.names)


def test_every_setting_is_in_the_reference_and_in_the_example():
    example = (ROOT / "pulse.example.yaml").read_text()
    for leaf in leaves():
        assert f"| `{leaf.name}` |" in PAGES["docs/reference/settings.md"]
        assert f"#{leaf.path[-1]}: " in example


def test_every_exit_code_is_explained():
    assert set(MEANINGS) == set(Exit)
    for code in Exit:
        assert f"| {code.value} | " in PAGES["docs/operations/outcomes.md"]


OUTCOME_OF = {
    "Skipped": "Skipped",
    "SKIPPED": "Skipped",
    "NoDocument": "No page",
    "Unreadable": "Dead",
    "unreadable": "Dead",
    "Damaged": "Dead",
    "Unparsable": "Dead",
    "Rejected": "Dead",
}


def reasons_in_code() -> Iterator[tuple[str, str]]:
    """(outcome, reason) wherever the code gives a record a reason."""
    for path in (ROOT / "pulse_cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=function, args=arguments, keywords=keywords):
                    name = getattr(function, "attr", getattr(function, "id", ""))
                    named = [key.value for key in keywords if key.arg == "reason"]
                    for reason in [*arguments[:1], *named] if name in OUTCOME_OF else []:
                        yield from ((OUTCOME_OF[name], word) for word in slugs(reason))
                    for outcome, reason in pairwise(arguments):
                        if (kind := getattr(outcome, "attr", "")) in OUTCOME_OF:
                            yield from ((OUTCOME_OF[kind], word) for word in slugs(reason))
                case ast.Tuple(elts=[ast.Constant(value=str(word)), _]) if "/read/" in str(path):
                    if re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", word):
                        yield "Dead", word


def slugs(node: ast.expr) -> Iterator[str]:
    """The words that an expression may be: `"a"`, or `"a" if ... else "b"`."""
    if isinstance(node, ast.IfExp):
        yield from (*slugs(node.body), *slugs(node.orelse))
    elif isinstance(node, ast.Constant) and re.fullmatch(r"[a-z0-9-]+", str(node.value)):
        yield str(node.value)


def test_every_reason_has_a_remedy():
    """Each reason of the code stands in the table of its outcome, with what to do."""
    page = PAGES["docs/operations/outcomes.md"]
    used = set(reasons_in_code()) - {("Dead", "no-sparse-vector")}  # a search has no records
    assert len(used) > 30
    for outcome in sorted(set(OUTCOME_OF.values())):
        section = page.split(f"\n## {outcome}\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| `([a-z0-9-]+)` \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)
        reasons = sorted({reason for kind, reason in used if kind == outcome})
        assert rows == reasons, f"docs/operations/outcomes.md, section {outcome}: one row each"


def test_the_object_of_index_is_described_key_by_key():
    block = re.search(r'```text\n(\{"run_id".*?)```', PAGES["docs/reference/json.md"], re.DOTALL)
    assert block
    object_ = with_exit_code(as_object(failed(Kind.FAILED, "message", "hint")), Exit.FATAL)
    inner = [name for key in ("target", "documents", "rates") for name in object_[key]]
    named = set(re.findall(r'"(\w+)"', block[1])) - {"complete", "limited", "interrupted"}
    stages = {"busy_s", "p50_ms", "p95_ms", "p99_ms", "source", "line", "byte", "detail"}
    assert named == {*object_, *inner, *object_["error"], *stages, "failed"}


def test_the_readme_is_short():
    assert README.count("\n") <= 250


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


@pytest.mark.begun_first
def test_the_commands_of_the_documents_work(tmp_path):
    """All that need no server, in the order of the pages, as a newcomer in a clone types them."""
    commands = [
        text
        for page in ("README.md", *(f"docs/{name}" for name in SITE))
        for mark, text in BLOCK.findall(PAGES[page])
        if not mark
    ]
    assert len(commands) >= 10
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
    for text in dict.fromkeys(commands):
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


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as mkdocs and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in headings}


def test_links_lead_somewhere():
    for name, text in PAGES.items():
        for target, anchor in LINK.findall(FENCED.sub("", text)):
            path = (ROOT / name).parent / target if target else ROOT / name
            assert path.exists(), f"{name}: {target}"
            if name.startswith("docs/"):
                assert path.resolve().is_relative_to(DOCS), f"{name}: {target} is not in the site"
            if anchor:
                linked = path.read_text(encoding="utf-8")
                assert anchor in anchors(linked), f"{name}: {target}#{anchor}"


def test_paths_named_in_the_text_exist():
    folders = "|".join(path.name for path in (ROOT / "pulse_cli").iterdir() if path.is_dir())
    named = re.compile(rf"`((?:pulse_cli|tests|tools|fixtures|docs|{folders})/[\w./-]*)`")
    for name, text in PAGES.items():
        for path in named.findall(text):
            assert (ROOT / path).exists() or (ROOT / "pulse_cli" / path).exists(), (name, path)


def test_every_page_is_in_the_site_and_in_its_table_of_contents():
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert set(SITE) == pages
    assert len(SITE) == len(pages)
    contents = {target for target, _ in LINK.findall(PAGES["docs/index.md"])}
    assert contents == pages - {"index.md"}


def test_the_picture_fetches_nothing():
    picture = (DOCS / "terminal.svg").read_text()
    assert re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", picture) == []
    assert "the power failed at night" in picture.replace("\u00a0", " ").replace("&#160;", " ")


def test_compose_starts_the_service_with_settings_that_exist(tmp_path):
    """The command line and the environment of the container, with its secrets and without."""
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["pulse"]
    command, *flags = service["command"]
    assert command == "serve"
    default = re.compile(r"\$\{\w+:-(\w*)\}")
    environ = {name: default.sub(r"\1", value) for name, value in service["environment"].items()}
    flags = {"serve.host": ("--host", flags[1]), "state_dir": ("--state-dir", flags[3])}
    with pytest.raises(Fatal, match="api_secret"):
        load(flags, environ=environ, folder=tmp_path)
    secrets = {name: "s" * 32 for name in environ if name.endswith("_SECRET")}
    settings = load(flags, environ=environ | secrets, folder=tmp_path).settings
    assert settings.embed.url == "http://tei:80"
    assert settings.qdrant.url == "http://qdrant:6333"
    assert settings.serve.port == 52100
    assert settings.firecrawl.api_key is None


def test_compose_starts_tei_and_qdrant_on_the_loopback_address_only():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    started = {name for name, one in compose["services"].items() if "profiles" not in one}
    assert started == {"tei", "qdrant"}
    for service in compose["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in compose["volumes"]
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()
            continue
        name, _, tag = service["image"].rpartition(":")
        assert name
        assert re.search(r"\d+\.\d+", tag), "the image is pinned"
    tei, qdrant = compose["services"]["tei"], compose["services"]["qdrant"]
    assert "sentence-transformers/all-MiniLM-L6-v2" in tei["command"]
    version = re.search(r":v(\d+)\.(\d+)\.(\d+)$", qdrant["image"])
    assert version
    assert tuple(int(part) for part in version.groups()) >= (1, 18, 1)
    for address in ("http://localhost:8080", "http://localhost:6333"):
        assert address in README
        port = address.rpartition(":")[2]
        assert any(f":{port}:" in p for s in (tei, qdrant) for p in s["ports"])
