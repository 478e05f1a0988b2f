"""`pulse completion`: scripts that complete commands, flags, files and collections.

The scripts are generated from the commands and hold all of them, so pressing Tab starts no Python.
`completions/` in the repository holds the same scripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from pulse_cli.cli.streams import write_stdout
from pulse_cli.errors import Fatal, Kind

SHELLS = ("bash", "zsh", "fish")


def completion(
    ctx: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="Which shell.")],
) -> None:
    """Print the completion script of a shell.

    Examples:
    source <(pulse completion bash)
    pulse completion zsh > ~/.zfunc/_pulse
    pulse completion fish > ~/.config/fish/completions/pulse.fish
    """
    if shell not in SHELLS:
        raise Fatal(
            f"there is no completion for {shell}",
            hint=f"one of {', '.join(SHELLS)}",
            kind=Kind.USAGE,
        )
    write_stdout(script(shell, ctx.find_root().command).rstrip("\n"))


def script(shell: str, root: Any) -> str:
    """The whole script for `shell`; `root` is the command `pulse`."""
    from pulse_cli.cli.completion_scripts import bash, fish, zsh

    return {"bash": bash, "zsh": zsh, "fish": fish}[shell](list(verbs(root)))


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `kind` of its value: "" (none), choice, assign, file, folder, collection, other.

    `assign` is a choice that ends with `=` and is followed by a value.
    """

    names: tuple[str, ...]
    why: str
    kind: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verb:
    """One command as typed (`config show`). `takes` is what its arguments are."""

    words: tuple[str, ...]
    why: str
    flags: tuple[Flag, ...]
    takes: str
    choices: tuple[str, ...]


def verbs(command: Any, words: tuple[str, ...] = ()) -> Iterator[Verb]:
    """`command` and every command within it, groups among them; `pulse` itself has no words."""
    inner = getattr(command, "commands", {})
    options = [param for param in command.params if param.param_type_name == "option"]
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    flags = [_flag(param) for param in options if not param.hidden]
    flags.append(Flag(("-h", "--help"), "Show this page.", ""))
    takes, choices = ("", tuple(inner)) if inner else ("", ())
    if arguments:
        takes, choices = _kind(str(arguments[0].metavar or ""))
    why = (command.help or "").partition("\n")[0]
    yield Verb(words, why, tuple(flags), takes, choices)
    for name, sub in inner.items():
        yield from verbs(sub, (*words, name))


def _flag(param: Any) -> Flag:
    from pulse_cli.cli.help import is_switch

    names = tuple(sorted(param.opts, key=len))
    why = (param.help or "").rstrip(".")
    if is_switch(param):
        return Flag(names, why, "")
    kind, choices = _kind(param.metavar or "")
    return Flag(names, why, kind or "other", choices)


def _kind(metavar: str) -> tuple[str, tuple[str, ...]]:
    """The kind of a value, by its name on the help page."""
    word = metavar.strip("[].")
    if word in ("FILE", "SOURCE"):
        return "file", ()
    if word in ("DIR", "URL|DIR"):
        return "folder", ()
    if word == "NAME":
        return "collection", ()
    if word == "PROFILE":
        from pulse_cli.simulators.profiles import PROFILES

        return "choice", tuple(PROFILES)
    if word == "SETTING=VALUE":
        from pulse_cli.config.tree import leaves

        return "assign", tuple(f"{leaf.name}=" for leaf in leaves() if not leaf.secret)
    if word == "FIELD=VALUE":
        from pulse_cli.search.filters import FIELDS

        return "assign", tuple(f"{field}=" for field in FIELDS)
    if "|" in word and word.islower():
        return "choice", tuple(word.split("|"))
    return "", ()
