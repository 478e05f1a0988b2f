"""Writes what is made from the program: help pages, settings and completions.

    python tools/render.py            # writes
    python tools/render.py --check    # exits 1 and names what is out of date

Made are `pulse.example.yaml`, `completions/`, and in `docs/` the help pages, the table of
settings and the table of exit codes, each between its two marks.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent
MARKED = re.compile(r"(<!-- made: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def files() -> Iterator[tuple[Path, str]]:
    """Every made file with what should be in it."""
    from pulse_cli.cli.commands.completion import SHELLS, script
    from pulse_cli.config.describe import example_yaml

    yield ROOT / "pulse.example.yaml", example_yaml()
    for shell in SHELLS:
        yield ROOT / "completions" / f"pulse.{shell}", script(shell, root())
    for page in sorted((ROOT / "docs").rglob("*.md")):
        yield page, MARKED.sub(_made, page.read_text(encoding="utf-8"))


def _made(match: re.Match[str]) -> str:
    what = match[2]
    if what == "settings":
        text = _settings()
    elif what == "exit codes":
        text = _exit_codes()
    elif what in ("dead", "skipped", "no page"):
        text = _reasons(what)
    else:
        text = _commands()
    return f"{match[1]}{text}\n{match[3]}"


def _commands() -> str:
    from pulse_cli.cli.commands.completion import verbs

    pages = (" ".join(["pulse", *verb.words]) for verb in verbs(root()))
    return "\n\n".join(f"```text\n$ {name} --help\n{help_page(name)}\n```" for name in pages)


def help_page(command: str) -> str:
    """The help of e.g. `pulse config show`, 80 columns wide."""
    os.environ["COLUMNS"] = "80"
    context = root().make_context("pulse", [], resilient_parsing=True)
    for word in command.split()[1:]:
        inner = context.command.commands[word]
        context = inner.make_context(word, [], parent=context, resilient_parsing=True)
    return str(context.get_help()).rstrip()


def root() -> Any:
    """The command `pulse`."""
    from pulse_cli.cli.app import app

    return typer.main.get_command(app)


def _settings() -> str:
    from pulse_cli.cli.flags import FLAGS
    from pulse_cli.config.describe import markdown_table

    return markdown_table(
        {flag.setting: flag.names[0] for group in FLAGS.values() for flag in group}
    )


def _reasons(outcome: str) -> str:
    from pulse_cli import remedies

    title, reasons = {
        "dead": ("What to do", remedies.DEAD),
        "skipped": ("What to do, if you want the page", remedies.SKIPPED),
        "no page": ("What to do, if you expected a page", remedies.NO_PAGE),
    }[outcome]
    rows = [f"| `{name}` | {one.meaning} | {one.remedy} |" for name, one in reasons.items()]
    return "\n".join([f"| Reason | What happened | {title} |", "|---|---|---|", *rows])


def _exit_codes() -> str:
    from pulse_cli.cli.exit_codes import MEANINGS

    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| Code | Meaning |", "|---|---|", *rows])


def main() -> None:
    stale = [
        (path, text)
        for path, text in files()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path, _ in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run python tools/render.py")
        sys.exit(bool(stale))
    for path, text in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
