"""The kinds of value a setting can have, and how text becomes one.

The same text form works in pulse.yaml, in the environment and behind a flag. Numbers do
not take `true`, which pydantic would read as 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from pulse_cli.config.units import (
    Share,
    parse_duration,
    parse_share,
    parse_size,
    show_duration,
    show_size,
)

MOST = 1_000_000_000
"""No setting needs a larger whole number, and C code overflows at some limit."""

TOO_MUCH = f"expected at most {MOST:,}"


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


def _bounded(value: int) -> int:
    if value > MOST:
        raise ValueError(TOO_MUCH)
    return value


def _listed(value: object) -> object:
    """`a, b` and `["a", "b"]` (JSON, for globs that hold a comma) are lists, too."""
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list) else value
    if value.lstrip().startswith('["'):
        return tuple(_json(value, list))
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _mapped(value: object) -> object:
    """`url=link, text=body.content` and JSON are mappings, too."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        return _json(value, dict)
    pairs = [part.split("=", 1) for part in value.split(",") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("expected field=path, field=path")
    return {name.strip(): path.strip() for name, path in pairs}


def _json(text: str, kind: type[Any]) -> Any:
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise ValueError(f"not a JSON {'array' if kind is list else 'object'}")
    return value


def _path(value: object) -> object:
    if isinstance(value, str):
        if not value or "\0" in value:
            raise ValueError("expected the path of a file or folder")
        return expanded(value)
    return value


def expanded(text: str) -> Path:
    """Replaces `~` and `~name` by the home folder. Raises ValueError where there is none."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            "there is no home folder for this ~ (for a file of that name write ./ before it)"
        ) from None


_SIZE_SCHEMA = {"type": ["string", "integer"], "examples": ["64MiB", "500KB"]}
_DURATION_SCHEMA = {"type": ["string", "number"], "examples": ["90s", "10m", "1h30m"]}
_SHARE_SCHEMA = {"type": ["string", "integer"], "examples": ["5%", 100]}
_LIST_SCHEMA = {"type": ["array", "string"], "items": {"type": "string"}}
_MAP_SCHEMA = {"type": ["object", "string"], "additionalProperties": {"type": "string"}}

WholeField = Annotated[int, BeforeValidator(_no_bool), AfterValidator(_bounded)]
RealField = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
SizeField = Annotated[
    int, BeforeValidator(parse_size), PlainSerializer(show_size), WithJsonSchema(_SIZE_SCHEMA)
]
DurationField = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(show_duration),
    WithJsonSchema(_DURATION_SCHEMA),
]
ShareField = Annotated[
    Share, PlainValidator(parse_share), PlainSerializer(str), WithJsonSchema(_SHARE_SCHEMA)
]
PathField = Annotated[Path, BeforeValidator(_path), PlainSerializer(str)]
GlobsField = Annotated[
    tuple[str, ...], BeforeValidator(_listed), PlainSerializer(list), WithJsonSchema(_LIST_SCHEMA)
]
MapField = Annotated[
    Mapping[str, str], BeforeValidator(_mapped), PlainSerializer(dict), WithJsonSchema(_MAP_SCHEMA)
]
