"""Help pages: every command's, in one layout, as plain text.

The layout does not come from the library. So it is the same with every version of typer, and a
test can compare the documentation with it. Flags are in groups, examples keep their lines, and no
0.1 s is spent on drawing boxes.
"""

from __future__ import annotations

import os
import shlex
import shutil
import textwrap
from typing import Any

from typer.core import TyperCommand, TyperGroup

from pulse_cli.cli.exit_codes import MEANINGS
from pulse_cli.cli.flags import OPTIONS, PANELS
from pulse_cli.errors import Fatal, Kind

MAX_WIDTH = 100
FLAG_COLUMN = 26


class Command(TyperCommand):
    """A command with the help page of `page`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(ctx))


class Group(TyperGroup):
    """A group of commands with such a help page. `pulse FILE` gets a hint to `pulse index`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if ctx.parent is None and word not in self.commands and _looks_like_a_source(word):
            hint = f"{ctx.command_path} index {shlex.join(args)}"
            raise Fatal(f"{word} is not a command", hint=f"to index it: {hint}", kind=Kind.USAGE)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(ctx))


def _looks_like_a_source(word: str) -> bool:
    return word == "-" or any(sign in word for sign in "./:*") or os.path.exists(word)  # noqa: PTH110


def page(ctx: Any) -> str:
    """The help page of the command of `ctx`."""
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    command = ctx.command
    text, _, examples = (command.help or "").partition("\n\nExamples:\n")
    parts = [f"Usage: {ctx.command_path} {_usage(command)}"]
    parts += ["\n".join(textwrap.wrap(part, width)) for part in text.split("\n\n") if part]
    if subcommands := getattr(command, "commands", None):
        rows = [(name, sub.help.partition("\n")[0]) for name, sub in subcommands.items()]
        parts.append(_table("Commands", rows, width, column=12))
    for title, params in _panels(command).items():
        parts.append(_table(title, [(_names(param), _why(param)) for param in params], width))
    if command.name == "index":
        rows = [(str(code.value), meaning) for code, meaning in MEANINGS.items()]
        parts.append(_table("Exit codes", rows, width, column=12))
    if examples:
        parts.append("Examples:\n" + textwrap.indent(textwrap.dedent(examples).strip(), "  "))
    return "\n\n".join(parts) + "\n"


def _usage(command: Any) -> str:
    words = ["[OPTIONS]"]
    if getattr(command, "commands", None):
        words.append("COMMAND [ARGS]...")
    for param in command.params:
        if param.param_type_name == "argument":
            words.append(str(param.metavar or param.name.upper()))
    return " ".join(words)


def _panels(command: Any) -> dict[str, list[Any]]:
    panels: dict[str, list[Any]] = {}
    for param in command.params:
        if param.param_type_name == "argument":
            if param.help:
                panels.setdefault("Arguments", []).append(param)
        elif not param.hidden:
            panels.setdefault(param.rich_help_panel or OPTIONS, []).append(param)
    return {title: panels[title] for title in PANELS if title in panels}


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper())
    names = sorted(param.opts, key=lambda name: name.startswith("--"))
    value = "" if is_switch(param) else f" {param.metavar}"
    return ", ".join(names) + value


def is_switch(param: Any) -> bool:
    """Whether a flag takes no value."""
    return bool(param.is_flag or param.count)


def _why(param: Any) -> str:
    return str(param.help or "Show this page." if param.name == "help" else param.help or "")


def _table(title: str, rows: list[tuple[str, str]], width: int, column: int = FLAG_COLUMN) -> str:
    lines = [f"{title}:"]
    room = max(width - column - 4, 20)
    for name, why in rows:
        wrapped = textwrap.wrap(why, room) or [""]
        if len(name) > column:
            lines.append(f"  {name}")
            lines += [f"  {'':<{column}}  {line}" for line in wrapped]
        else:
            lines.append(f"  {name:<{column}}  {wrapped[0]}".rstrip())
            lines += [f"  {'':<{column}}  {line}" for line in wrapped[1:]]
    return "\n".join(lines)
