"""Loads the settings from all their sources, and remembers the source of each value.

Later sources override earlier ones: defaults, the variables of the original service (`WEBHOOK_*`),
pulse.yaml, `PULSE_*` variables, flags. All faults are reported together, each with its place and
without its value. Paths become absolute: those of a settings file are relative to its folder, all
others to the working folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pulse_cli.config.paths import absolute
from pulse_cli.config.settings import Settings
from pulse_cli.config.tree import closest, flatten, leaves, nest, sections, unknown, wrong
from pulse_cli.config.yamlfile import Lines, read_yaml
from pulse_cli.errors import Fatal, Kind

FOREIGN = {
    "WEBHOOK_TEI_URL": ("embed", "url"),
    "WEBHOOK_TEI_API_KEY": ("embed", "api_key"),
    "WEBHOOK_QDRANT_URL": ("qdrant", "url"),
    "WEBHOOK_QDRANT_COLLECTION": ("qdrant", "collection"),
    "WEBHOOK_QDRANT_TIMEOUT": ("qdrant", "timeout"),
    "WEBHOOK_FIRECRAWL_BASE_URL": ("firecrawl", "url"),
    "WEBHOOK_FIRECRAWL_API_KEY": ("firecrawl", "api_key"),
    "WEBHOOK_API_SECRET": ("serve", "api_secret"),
    "WEBHOOK_SECRET": ("serve", "webhook_secret"),
    "WEBHOOK_ENABLE_WORKER": ("serve", "worker"),
    "WEBHOOK_DATABASE_URL": ("records", "url"),
    "WEBHOOK_CHUNK_SIZE": ("chunk", "max_tokens"),
    "WEBHOOK_CHUNK_OVERLAP": ("chunk", "overlap_tokens"),
    "WEBHOOK_VECTOR_WEIGHT": ("search", "vector_weight"),
    "WEBHOOK_BM25_WEIGHT": ("search", "bm25_weight"),
    "FIRECRAWL_API_KEY": ("firecrawl", "api_key"),
    "AWS_ENDPOINT_URL": ("objects", "endpoint"),
    "AWS_ENDPOINT_URL_S3": ("objects", "endpoint"),
}
"""Variables of other tools that are read, below pulse.yaml in precedence."""

Flags = Mapping[str, tuple[str, Any]]
"""What the command line set: setting -> (flag as typed, value), None values left out."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Effective settings. `origins` names the source of every setting not at its default."""

    settings: Settings
    origins: Mapping[str, str]
    file: Path | None


@dataclass(slots=True)
class _Layers:
    values: dict[tuple[str, ...], Any] = field(default_factory=dict)
    origins: dict[tuple[str, ...], str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def put(self, path: tuple[str, ...], value: Any, origin: str, folder: Path) -> None:
        """`folder` is what a relative path in `value` is relative to."""
        self.values[path] = absolute(path, value, folder)
        self.origins[path] = origin


def load(
    flags: Flags | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Loaded:
    """Load all settings. `folder` is where `pulse.yaml` is looked for (the working folder).

    Raises Fatal (exit 2), which lists all faults.
    """
    variables = os.environ if environ is None else environ
    here = folder or _working_folder()
    layers = _Layers()
    for name, setting in FOREIGN.items():
        if variables.get(name):
            layers.put(setting, variables[name], f"${name}", here)
    file = _find_file(config, variables, here)
    if file is not None:
        _add_file(layers, file)
    for path, value, origin in _from_variables(variables, layers.faults):
        layers.put(path, value, origin, here)
    for name, (flag, value) in (flags or {}).items():
        if value is not None:
            layers.put(tuple(name.split(".")), value, flag, here)
    return Loaded(
        _validated(layers), {".".join(path): at for path, at in layers.origins.items()}, file
    )


def user_config_file(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or "~") / ".config")
    folder = Path(base)
    with suppress(
        RuntimeError
    ):  # a `~` of an unknown user, or of one without a home, as in a container
        folder = folder.expanduser()
    return folder / "pulse" / "pulse.yaml"


def _find_file(config: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    """The settings file, if there is one. A folder or a dangling link of that name is returned,
    too, so that reading it reports an error.
    """
    if config is not None:
        return folder / config
    for candidate in (folder / "pulse.yaml", user_config_file(environ)):
        if os.path.lexists(candidate):
            return candidate
    return None


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise Fatal(
            "the working folder is gone", hint="cd to another one", kind=Kind.USAGE
        ) from None


def _add_file(layers: _Layers, file: Path) -> None:
    tree, lines = read_yaml(file)
    for path, value in flatten(tree):
        if value is None and len(path) == 1 and path[0] in sections():
            continue  # a section with all its lines commented out
        layers.put(path, value, _place(file, lines, path), file.parent)


def _place(file: Path, lines: Lines, path: tuple[str, ...]) -> str:
    name = file.name if file.parent == Path.cwd() else str(file)
    return f"{name}:{lines.get(path, 1)}"


def _from_variables(
    environ: Mapping[str, str], faults: list[str]
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """`PULSE_SECTION__KEY`. Other `PULSE_*` names belong to PulseAudio and are left alone."""
    known = {leaf.variable: leaf.path for leaf in leaves()}
    flat = {name.replace("__", "_"): name for name in known}
    for name in sorted(environ):
        value = environ[name]
        if not name.startswith("PULSE_") or not value:
            continue
        if name in known:
            yield known[name], value, f"${name}"
        elif name in flat:
            faults.append(f"${name}: did you mean {flat[name]} (two underscores)?")
        elif "__" in name:
            meant = closest(name, known)
            hint = f"; did you mean {meant}?" if meant else ""
            faults.append(f"${name}: there is no such setting{hint}")


def _validated(layers: _Layers) -> Settings:
    faults = list(layers.faults)
    try:
        settings = Settings.model_validate(nest(layers.values))
    except ValidationError as error:
        order = list(layers.values)
        # without include_input=False pydantic would return the secret itself
        details = [
            (_setting(detail["loc"]), detail)
            for detail in error.errors(include_url=False, include_input=False)
        ]
        details = [each for each in details if _was_set(layers, each[0])] or details
        details.sort(key=lambda item: order.index(item[0]) if item[0] in order else -1)
        for setting, detail in details:
            place = _origin(layers, setting)
            if detail["type"] == "extra_forbidden":
                faults.append(f"{place}: {unknown(setting)}")
            else:
                faults.append(f"{place}: `{'.'.join(setting)}`: {wrong(detail)}")
    if faults:
        raise Fatal("\n".join(dict.fromkeys(faults)), kind=Kind.CONFIG)
    return settings


def _setting(location: tuple[int | str, ...]) -> tuple[str, ...]:
    path = tuple(str(part) for part in location)
    return path[:2] if path and path[0] in sections() else path[:1]


def _was_set(layers: _Layers, path: tuple[str, ...]) -> bool:
    """Whether it, or a part of it, was set. A default is faulty only where another value is."""
    return any(known[: len(path)] == path for known in layers.origins)


def _origin(layers: _Layers, path: tuple[str, ...]) -> str:
    """The source of `path`; for a fault of a whole section, the sources of its keys."""
    if path in layers.origins:
        return layers.origins[path]
    inside = [at for key, at in layers.origins.items() if key[: len(path)] == path]
    return ", ".join(dict.fromkeys(inside)) or "settings"
