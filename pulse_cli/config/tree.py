"""The tree of settings: its leaves, their names, and the messages for faults.

A leaf is named `section.key`, as in pulse.yaml; in the environment it is
`PULSE_SECTION__KEY`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, SecretStr

from pulse_cli.config.fields import TOO_MUCH
from pulse_cli.config.settings import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting: `path` from the root, its field and whether it is a secret."""

    path: Path
    field: FieldInfo
    secret: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        return "PULSE_" + "__".join(self.path).upper()


def sections() -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found[name] = kind
    return found


def leaves() -> Iterator[Leaf]:
    """Every setting, in the order of the tree, top-level ones first."""
    inner = sections()
    for name, field in Settings.model_fields.items():
        if name not in inner:
            yield Leaf((name,), field, secret=False)
    for section, kind in inner.items():
        for name, field in kind.model_fields.items():
            is_secret = SecretStr in (field.annotation, *get_args(field.annotation))
            yield Leaf((section, name), field, is_secret)


def flatten(tree: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The leaves that `tree` sets; a value that fits no section is yielded as it is."""
    inner = sections()
    for name, value in tree.items():
        if name in inner and isinstance(value, Mapping):
            for key, item in value.items():
                yield (name, key), item
        else:
            yield (name,), value


def nest(flat: Mapping[Path, Any]) -> dict[str, Any]:
    """The tree of these leaves. A value in the place of a section hides the section's leaves."""
    tree: dict[str, Any] = {}
    for path in sorted(flat, key=len):
        at: Any = tree
        for name in path[:-1]:
            at = at.setdefault(name, {}) if isinstance(at, dict) else None
        if isinstance(at, dict):
            at[path[-1]] = flat[path]
    return tree


def closest(word: str, words: Iterable[str]) -> str | None:
    """The most similar one of `words`, if one is similar enough."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return found[0] if found else None


def unknown(path: Path) -> str:
    """The message for an unknown setting: the most similar one, and all of the section."""
    inner = sections()
    name = ".".join(path)
    if len(path) > 1 and path[0] in inner:
        allowed = list(inner[path[0]].model_fields)
        meant = closest(path[1], allowed)
        suggestion = f"{path[0]}.{meant}" if meant else None
        where = f"`{path[0]}` knows"
    else:
        allowed = list(Settings.model_fields)
        everywhere = [leaf.name for leaf in leaves() if leaf.path[-1] == path[-1]]
        suggestion = closest(path[0], allowed) or (everywhere[0] if everywhere else None)
        where = "there are"
    hint = f"; did you mean `{suggestion}`?" if suggestion else ""
    return f"unknown key `{name}`{hint} ({where}: {', '.join(allowed)})"


_KINDS = {
    "string_type": "expected text (put it in quotes)",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": TOO_MUCH,
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "finite_number": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "model_type": "is a section: expected `key: value` lines under it",
    "dict_type": "expected `field: path` lines under it",
    "mapping_type": "expected `field: path` lines under it",
    "tuple_type": "expected a list",
    "path_type": "expected the path of a file or folder",
}


def wrong(error: ErrorDetails) -> str:
    """The fault of a value, in a message that never holds the value."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context.get("error", "is not valid"))
    if kind == "literal_error":
        return f"expected {context['expected']}"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        word = kind.replace("_", " ").replace("than equal", "than or equal to")
        return f"must be {word} {next(iter(context.values()))}"
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}"
    return _KINDS.get(kind, "has the wrong type")
