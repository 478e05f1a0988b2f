"""Numbers for people: `1,204`, `12.3 MB`, `0:04:31`."""

from __future__ import annotations

from collections.abc import Mapping


def count(number: float) -> str:
    return f"{number:,.0f}"


def rate(number: float) -> str:
    """Three digits are enough: `3,204`, `42.1`, `0.37`."""
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def size(number: float) -> str:
    """Bytes in decimal units, as disks and networks count them."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def clock(seconds: float) -> str:
    """`h:mm:ss`."""
    whole = max(int(seconds), 0)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def plural(number: int, one: str, many: str = "") -> str:
    """`1 page`, `3 pages`; `many` where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def reasons(found: Mapping[str, int]) -> str:
    """`3 empty, 1 status-404`, the most frequent first."""
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {reason}" for reason, number in ordered)
