"""Generates the completion scripts, one function for each shell.

Collections are the folders of the embedded store: the shell lists them itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulse_cli.cli.commands.completion import Flag, Verb

DATA = '"${XDG_DATA_HOME:-$HOME/.local/share}/pulse"'


def _head(shell: str) -> str:
    return f"# Completion of pulse for {shell}: made by `pulse completion {shell}`, not by hand.\n"


def bash(verbs: Sequence[Verb]) -> str:
    flags = "\n".join(f'    "{_key(verb)}") echo "{_names(verb)}" ;;' for verb in verbs)
    words = "\n".join(
        f'    "{_key(verb)}") echo "{" ".join(verb.choices)}" ;;' for verb in verbs if verb.choices
    )
    values = "\n".join(f"    {line}" for line in _bash_values(verbs))
    groups = " ".join(_key(verb) for verb in verbs if _is_group(verb) and verb.words)
    return (
        _head("bash")
        + f"""
_pulse_flags() {{
  case "$1" in
{flags}
  esac
}}

_pulse_words() {{
  case "$1" in
{words}
  esac
}}

_pulse_kind() {{ # of the value that the flag $1 takes
  case "$1" in
{values}
  esac
}}

_pulse_files() {{ # like "compgen $1", but names with blanks stay whole
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$1" -- "$2"))
  compopt -o filenames 2>/dev/null
}}

_pulse() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} verb="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if [[ $word != -* && -n $(_pulse_flags "${{verb:+$verb }}$word") ]]; then
      verb="${{verb:+$verb }}$word"
      [[ " {groups} " == *" $verb "* ]] || break
    fi
  done
  COMPREPLY=()
  local kind
  kind=$(_pulse_kind "$prev")
  case "$kind" in
    file) _pulse_files -f "$cur"; return ;;
    folder) _pulse_files -d "$cur"; return ;;
    collection)
      COMPREPLY=($(compgen -W "$(command ls {DATA} 2>/dev/null)" -- "$cur")); return ;;
    other) return ;;
    ?*)
      COMPREPLY=($(compgen -W "$kind" -- "$cur"))
      [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
      return ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_pulse_flags "$verb")" -- "$cur"))
    return
  fi
  local words
  words=$(_pulse_words "$verb")
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    case "$verb" in
{_bash_arguments(verbs)}
    esac
  fi
}}

complete -F _pulse pulse
"""
    )


def _bash_values(verbs: Sequence[Verb]) -> list[str]:
    kinds: dict[str, str] = {}
    for verb in verbs:
        for flag in verb.flags:
            if flag.kind:
                value = " ".join(flag.choices) or flag.kind
                kinds.update(dict.fromkeys(flag.names, value))
    return [f'{name}) echo "{value}" ;;' for name, value in sorted(kinds.items())]


def _bash_arguments(verbs: Sequence[Verb]) -> str:
    return "\n".join(
        f'      "{_key(verb)}") _pulse_files -f "$cur" ;;' for verb in verbs if verb.takes == "file"
    )


def zsh(verbs: Sequence[Verb]) -> str:
    functions = "\n".join(_zsh_function(verb, verbs) for verb in verbs)
    return (
        "#compdef pulse\n"
        + _head("zsh")
        + f"""
_pulse_collections() {{
  local folder={DATA}
  local -a found=($folder/*(N/:t))
  compadd -a found
}}

{functions}
if [[ $funcstack[1] == _pulse ]]; then
  _pulse "$@"
else
  compdef _pulse pulse
fi
"""
    )


def _zsh_function(verb: Verb, verbs: Sequence[Verb]) -> str:
    name = "_" + "_".join(["pulse", *verb.words])
    lines = [f"    {_zsh_flag(flag, alias)}" for flag in verb.flags for alias in flag.names]
    if _is_group(verb):
        lines += ["    '1: :->command'", "    '*::argument:->arguments'"]
    elif verb.choices:
        lines.append(f"    '1:choice:({' '.join(verb.choices)})'")
    elif verb.takes == "file":
        lines.append("    '*:file:_files'")
    body = " \\\n".join(["  _arguments -S", *lines])
    if not _is_group(verb):
        return f"{name}() {{\n{body}\n}}\n"
    depth = len(verb.words)
    inner = [v for v in verbs if len(v.words) == depth + 1 and v.words[:depth] == verb.words]
    described = "\n".join(f"        '{v.words[-1]}:{_quoted(v.why)}'" for v in inner)
    calls = "\n".join(f"        {v.words[-1]}) _{'_'.join(['pulse', *v.words])} ;;" for v in inner)
    return f"""{name}() {{
  local state line
{body} && return
  case $state in
    command)
      local -a commands=(
{described}
      )
      _describe command commands ;;
    arguments)
      case $line[1] in
{calls}
      esac ;;
  esac
}}
"""


def _zsh_flag(flag: Flag, name: str) -> str:
    action = {
        "": "",
        "file": ":file:_files",
        "folder": ":folder:_files -/",
        "collection": ":collection:_pulse_collections",
        "choice": f":value:({' '.join(flag.choices)})",
        "assign": f':value:{{compadd -S "" -- {" ".join(flag.choices)}}}',
        "other": ":value:",
    }[flag.kind]
    return f"'*{name}[{_quoted(flag.why)}]{action}'"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "'\\''").replace(":", "\\:")
    return escaped.replace("[", "\\[").replace("]", "\\]").replace("`", "")


def fish(verbs: Sequence[Verb]) -> str:
    lines = [_head("fish"), "complete -c pulse -f"]
    for verb in verbs:
        depth = len(verb.words)
        inner = [v for v in verbs if len(v.words) == depth + 1 and v.words[:depth] == verb.words]
        for child in inner:
            when = _fish_before(verb, inner)
            lines.append(
                f"complete -c pulse -n '{when}' -a {child.words[-1]} -d '{_fish_text(child.why)}'"
            )
        when = _fish_inside(verb)
        lines += [f"complete -c pulse{when} {_fish_flag(flag)}" for flag in verb.flags]
        if verb.takes == "file":
            lines.append(f"complete -c pulse{when} -F")
        elif verb.takes == "choice":
            lines.append(f"complete -c pulse{when} -a '{' '.join(verb.choices)}'")
    return "\n".join(lines) + "\n"


def _fish_before(verb: Verb, inner: Sequence[Verb]) -> str:
    if not verb.words:
        return "__fish_use_subcommand"
    names = " ".join(child.words[-1] for child in inner)
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in verb.words)
    return f"{seen}; and not __fish_seen_subcommand_from {names}"


def _fish_inside(verb: Verb) -> str:
    if not verb.words:
        return " -n __fish_use_subcommand"
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in verb.words)
    return f" -n '{seen}'"


def _fish_flag(flag: Flag) -> str:
    names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names]
    value = {
        "": "",
        "file": " -r -F",
        "folder": " -x -a '(__fish_complete_directories)'",
        "collection": f" -x -a '(command ls {_FISH_DATA} 2>/dev/null)'",
        "choice": f" -x -a '{' '.join(flag.choices)}'",
        "assign": f" -x -a '{' '.join(flag.choices)}'",
        "other": " -x",
    }[flag.kind]
    return f"{' '.join(names)}{value} -d '{_fish_text(flag.why)}'"


_FISH_DATA = '(set -q XDG_DATA_HOME; and echo $XDG_DATA_HOME; or echo ~/.local/share)"/pulse"'


def _fish_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _is_group(verb: Verb) -> bool:
    return bool(verb.choices) and verb.takes == ""


def _key(verb: Verb) -> str:
    return " ".join(verb.words)


def _names(verb: Verb) -> str:
    return " ".join(name for flag in verb.flags for name in flag.names)
