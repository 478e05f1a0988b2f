"""Writes out the settings: the example file, the table of the reference, `config show`.

All of it is made from the settings classes, so it cannot disagree with the program.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from pulse_cli.config.settings import Settings
from pulse_cli.config.tree import Leaf, Path, flatten, leaves, sections

if TYPE_CHECKING:
    from pulse_cli.config.load import Loaded

HEADER = """\
# Settings of pulse. Every line shows the default; uncomment what you change.
#
# pulse reads ./pulse.yaml, else ~/.config/pulse/pulse.yaml; `--config FILE` names another file.
# The environment overrides this file (embed.url is PULSE_EMBED__URL), and flags override both.
# Sizes are written 64MiB or 500KB, durations 90s, 10m or 1h30m.
"""


def example_yaml() -> str:
    """A commented file with every setting at its default; valid as it stands."""
    defaults = _dumped(Settings())
    lines = [HEADER]
    section = ""
    for leaf in leaves():
        if len(leaf.path) > 1 and leaf.path[0] != section:
            section = leaf.path[0]
            doc = (sections()[section].__doc__ or "").partition("\n")[0]
            lines += ["", f"{section}:  # {doc[0].lower() + doc[1:].rstrip('.')}"]
        indent = "  " * (len(leaf.path) - 1)
        why = textwrap.wrap(leaf.field.description or "", 92 - len(indent))
        lines += [f"{indent}# {line}" for line in why]
        lines.append(f"{indent}#{leaf.path[-1]}: {_yaml(defaults[leaf.path])}")
    return "\n".join(lines) + "\n"


def markdown_table(flags: Mapping[str, str]) -> str:
    """One row per setting; `flags` maps settings to the flags that set them."""
    defaults = _dumped(Settings())
    rows = ["| Setting | Flag | Default | Why |", "|---|---|---|---|"]
    for leaf in leaves():
        flag = f"`{flags[leaf.name]}`" if leaf.name in flags else ""
        why = (leaf.field.description or "").replace("|", "\\|")
        rows.append(f"| `{leaf.name}` | {flag} | `{_yaml(defaults[leaf.path])}` | {why} |")
    return "\n".join(rows)


def effective(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """(setting, value, origin) of every setting; secrets are masked."""
    values = _dumped(loaded.settings)
    for leaf in leaves():
        origin = loaded.origins.get(leaf.name, "default")
        if leaf.path[-1] == "basic_auth" and values[leaf.path] and origin == "default":
            origin = loaded.origins.get(f"{leaf.path[0]}.url", origin)
        yield leaf.name, _yaml(values[leaf.path]), origin


def as_object(loaded: Loaded) -> dict[str, Any]:
    """The same as one JSON object."""
    origins = {name: origin for name, _, origin in effective(loaded)}
    return {
        "file": None if loaded.file is None else str(loaded.file),
        "settings": loaded.settings.model_dump(mode="json"),
        "origins": origins,
    }


def schema() -> dict[str, Any]:
    """JSON Schema of pulse.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema()}


def _schema() -> dict[str, Any]:
    found = Settings.model_json_schema()
    for section in [found, *found.get("$defs", {}).values()]:
        section.pop("title", None)
        for field in section.get("properties", {}).values():
            field.pop("title", None)
    return found


def _dumped(settings: Settings) -> dict[Path, Any]:
    return dict(flatten(settings.model_dump(mode="json")))


def _yaml(value: Any) -> str:
    """A value as YAML writes it on one line (JSON is YAML)."""
    if isinstance(value, SecretStr):
        return "**********"
    if isinstance(value, str) and value and _is_plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    import yaml

    try:
        return bool(yaml.safe_load(text) == text and yaml.safe_load(f"a: {text}") == {"a": text})
    except yaml.YAMLError:
        return False


__all__ = ["Leaf", "as_object", "effective", "example_yaml", "markdown_table", "schema"]
