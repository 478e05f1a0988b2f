"""Draws docs/terminal.svg: a real run over the fixtures, and a real search.

    python tools/picture.py

Everything in it is what the program printed: the command lines, a late frame of the
live display, the summary and the hits. The figures are those of the
machine it ran on.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from unittest import mock

from rich.console import Console, RenderableType
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 96
INDEX = ["index", "fixtures/handbook.jsonl", "--collection", "handbook"]
SEARCH = ["search", "--collection", "handbook", "--limit", "3", "the power failed at night"]


class Terminal(io.StringIO):
    """Takes what is printed as a terminal would."""

    def isatty(self) -> bool:
        return True


def output(arguments: list[str]) -> tuple[str, str]:
    """What one command line prints, with colours: stdout and stderr."""
    from pulse_cli.cli.app import run

    out, err = Terminal(), Terminal()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    if code:
        sys.exit(f"pulse {' '.join(arguments)}: exit {code}\n{err.getvalue()}")
    return out.getvalue(), err.getvalue()


def one_frame() -> tuple[str, str]:
    """The display late in an index run, and all that was left on the screen."""
    from pulse_cli.cli.display import Display
    from pulse_cli.events import Stats

    frames: list[tuple[int, str]] = []
    draw = Display.frame

    def keep(self: Display, stats: Stats) -> RenderableType:
        frame = draw(self, stats)
        drawn = io.StringIO()
        Console(file=drawn, width=WIDTH, force_terminal=True, color_system="256").print(frame)
        frames.append((stats.documents_done, drawn.getvalue()))
        return frame

    with mock.patch.object(Display, "frame", keep):
        _, left = output(INDEX)
    return [text for records, text in frames if records < frames[-1][0]][-1], left


def visible(text: str) -> Text:
    """Printed text without the control sequences that drew and removed the live display."""
    return Text.from_ansi(re.sub(r"\x1b\[\??\d*[A-HJKfhlnsu]|\r", "", text).rstrip("\n"))


def main() -> None:
    os.chdir(ROOT)
    os.environ.update(COLUMNS=str(WIDTH), TERM="xterm-256color")
    os.environ.pop("NO_COLOR", None)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("DATA", "STATE", "CONFIG"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(folder) / name.lower())
        frame, left = one_frame()
        hits, _ = output(SEARCH)
        summary = left[left.index("Indexed ") :]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for command, shown in ((INDEX, [frame, "", summary]), (SEARCH, [hits])):
        quoted = [f'"{word}"' if " " in word else word for word in command]
        console.print(Text("$ pulse " + " ".join(quoted), "bold green"))
        for part in shown:
            console.print(visible(part.replace(f"{folder}/data", "~/.local/share")))
        console.print()
    svg = console.export_svg(title="pulse", unique_id="pulse")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # they are fetched from afar
    svg = svg.replace("Fira Code", "ui-monospace, Menlo, Consolas")
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    target = ROOT / "docs" / "terminal.svg"
    target.parent.mkdir(exist_ok=True)
    target.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
