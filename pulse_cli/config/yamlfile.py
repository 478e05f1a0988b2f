"""Reads pulse.yaml safely.

The file holds plain data only: no tags and no aliases, so neither code nor alias bombs. It has at
most 1 MiB and no duplicate keys (PyYAML would keep the last one silently). The line of every key
is known. Messages name file and line but never quote a value, because it may be a secret.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import yaml

from pulse_cli.errors import Fatal, Kind

MAX_BYTES = 1 << 20
_TAB = "'\\t'"  # as PyYAML writes one
Lines = dict[tuple[str, ...], int]


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """The mapping in `path` and the line (from 1) of every key. Raises Fatal (exit 2)."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _fault(path, "no such file") from None
    except OSError as error:
        raise _fault(path, f"cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise _fault(path, "is larger than 1 MiB, which no settings file needs")
    lines: Lines = {}
    try:
        loader = _Loader(raw.decode("utf-8-sig"))
        node = loader.get_single_node()
        data = {} if node is None else _mapping(loader, node, (), lines, path)
    except UnicodeDecodeError as error:
        raise _fault(path, f"is not UTF-8 (byte {error.start})") from None
    except yaml.MarkedYAMLError as error:
        raise _fault(path, _problem(error), _line(error)) from None
    except yaml.YAMLError:
        raise _fault(path, "holds a control character that YAML does not allow") from None
    except RecursionError:
        raise _fault(path, "is nested too deeply") from None
    return data, lines


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases are not supported (a text that begins with * needs quotes)",
                problem_mark=self.get_mark(),
            )
        return super().compose_node(parent, index)


def _mapping(
    loader: _Loader, node: yaml.Node, at: tuple[str, ...], lines: Lines, path: Path
) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _fault(path, "must hold `name: value` lines", node.start_mark.line + 1)
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _scalar(loader, key_node, path)
        if not isinstance(key, str):
            raise _fault(path, "a key must be text (put it in quotes)", line)
        if key in found:
            first = lines[(*at, key)]
            raise _fault(
                path, f"duplicate key `{'.'.join((*at, key))}` (first on line {first})", line
            )
        lines[(*at, key)] = line
        if isinstance(value_node, yaml.MappingNode):
            found[key] = _mapping(loader, value_node, (*at, key), lines, path)
        else:
            found[key] = _scalar(loader, value_node, path)
    return found


def _scalar(loader: _Loader, node: yaml.Node, path: Path) -> Any:
    try:
        value = loader.construct_object(node, deep=True)
    except ValueError:  # a date such as 2020-99-99, a number of 5,000 digits
        kind = "date" if node.tag.endswith("timestamp") else "number"
        raise _fault(path, f"a value looks like a {kind} but is none", _at(node)) from None
    if isinstance(value, datetime.date | bytes | set):
        raise _fault(path, "a value is read as a date, bytes or set: put it in quotes", _at(node))
    return value


def _at(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _line(error: yaml.MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return None if mark is None else mark.line + 1


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, without the words that PyYAML quotes from the file."""
    if isinstance(error, yaml.constructor.ConstructorError):
        return "a value has a tag (a text that begins with ! needs quotes)"
    if _TAB in (error.problem or ""):
        return "there is a tab here: write blanks instead"
    text = re.sub(r" ?(['\"])[^'\"]{2,}\1", "", error.problem or "is not valid YAML")
    return f"is not valid YAML: {text}"


def _fault(path: Path, text: str, line: int | None = None) -> Fatal:
    where = f"{path}:{line}" if line else str(path)
    return Fatal(f"{where}: {text}", kind=Kind.CONFIG)
