"""Sizes and durations as people write them: `64MiB`, `10m`, `1h30m`, `5%`.

Parsing and showing are inverse: what `show_*` writes, `parse_*` reads as the same number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SIZE_HINT = "a size such as 64MiB, 500KB or a number of bytes"
DURATION_HINT = "a duration such as 90s, 10m, 1h30m or a number of seconds"
SHARE_HINT = "a number of records such as 100, or a percentage such as 5%"

_BINARY = {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZES = {
    "": 1,
    "B": 1,
    **_BINARY,
    # 64M means 64MiB, as in dd, systemd, docker and java; 64MB keeps its decimal meaning.
    **{name[0]: factor for name, factor in _BINARY.items()},
    **{name[0] + "B": 1000**power for power, name in enumerate(_BINARY, start=1)},
}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MOST_BYTES, _MOST_S = 1 << 60, 1e10  # more can only be a typing error
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def parse_size(value: object) -> int:
    """Bytes. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_BYTES:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2].upper() not in _SIZES:
        raise ValueError(f"expected {SIZE_HINT}")
    count = float(match[1]) * _SIZES[match[2].upper()]
    if count >= _MOST_BYTES:
        raise ValueError(f"expected {SIZE_HINT}")
    return int(count)


def show_size(count: int) -> str:
    for name, factor in reversed(_BINARY.items()):
        if count and count % factor == 0:
            return f"{count // factor}{name[0]}iB"
    return str(count)


def parse_duration(value: object) -> float:
    """Seconds. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST_S:
        return float(value)
    text = value.strip().lower() if isinstance(value, str) else ""
    parts = _DURATION.findall(text)
    if _NUMBER.fullmatch(text):
        parts = [(text, "s")]
    elif "".join(number + unit for number, unit in parts) != text:
        parts = []
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not parts or seconds >= _MOST_S:
        raise ValueError(f"expected {DURATION_HINT}")
    return seconds


def show_duration(seconds: float) -> str:
    for unit, factor in reversed(_SECONDS.items()):
        if seconds and seconds % factor == 0 and factor >= 1:
            return f"{int(seconds // factor)}{unit}"
    return f"{seconds:g}s"


@dataclass(frozen=True, slots=True)
class Share:
    """A limit: a number of `records`, or a `fraction` of all of them."""

    records: int | None = None
    fraction: float | None = None

    def __str__(self) -> str:
        return f"{self.fraction * 100:g}%" if self.fraction is not None else str(self.records)


def parse_share(value: object) -> Share:
    """`100` or `5%`. Raises ValueError."""
    if isinstance(value, Share):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Share(records=value)
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return Share(records=int(text))
    number = text.removesuffix("%").strip()
    if not text.endswith("%") or not _NUMBER.fullmatch(number) or float(number) > 100:
        raise ValueError(f"expected {SHARE_HINT}")
    return Share(fraction=float(number) / 100)
