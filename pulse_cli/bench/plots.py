"""Plots as inline SVG: no script, no font, no address of anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]
_COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2")
_WIDTH, _HEIGHT = 640, 240
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 28, 12, 36


def lines(title: str, across: str, series: Mapping[str, Points]) -> str:
    """One line for each series over a common axis `across`; the other axis begins at 0."""
    points = [point for one in series.values() for point in one]
    if not points:
        return ""
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    top = max(y for _, y in points) or 1.0
    scale_x = (_WIDTH - _LEFT - _RIGHT) / ((high - low) or 1.0)
    scale_y = (_HEIGHT - _TOP - _BOTTOM) / top

    def place(x: float, y: float) -> str:
        return f"{_LEFT + (x - low) * scale_x:.1f},{_HEIGHT - _BOTTOM - y * scale_y:.1f}"

    parts = [_frame(title, across, low, high, top)]
    for number, (name, one) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = " ".join(place(x, y) for x, y in one)
        parts.append(
            f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        at = _LEFT + 10 + 150 * number
        parts.append(f'<text x="{at}" y="{_TOP + 12}" fill="{colour}">{escape(name)}</text>')
    return _svg(parts)


def bars(title: str, across: str, values: Mapping[str, float]) -> str:
    """One bar for each name, lying, with its number."""
    top = max(values.values(), default=0.0) or 1.0
    height = _TOP + 22 * len(values) + 16
    parts = [f'<text x="8" y="16" class="t">{escape(title)} ({escape(across)})</text>']
    for number, (name, value) in enumerate(values.items()):
        y = _TOP + 22 * number
        width = (_WIDTH - 260) * value / top
        parts.append(f'<text x="8" y="{y + 14}">{escape(name)}</text>')
        parts.append(
            f'<rect x="170" y="{y}" width="{width:.1f}" height="16" fill="{_COLOURS[0]}"/>'
        )
        parts.append(f'<text x="{176 + width:.1f}" y="{y + 13}">{value:,.3g}</text>')
    return _svg(parts, height)


def _frame(title: str, across: str, low: float, high: float, top: float) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    marks = "".join(
        f'<text x="{_LEFT - 6}" y="{bottom - share * (bottom - _TOP) + 4:.0f}"'
        f' text-anchor="end">{top * share:,.4g}</text>'
        for share in (0, 0.5, 1)
    )
    return (
        f'<text x="8" y="16" class="t">{escape(title)}</text>'
        f'<path d="M{_LEFT},{_TOP}V{bottom}H{right}" fill="none" stroke="#999"/>{marks}'
        f'<text x="{_LEFT}" y="{bottom + 16}">{low:,.4g}</text>'
        f'<text x="{right}" y="{bottom + 16}" text-anchor="end">{high:,.4g} {escape(across)}</text>'
    )


def _svg(parts: Sequence[str], height: int = _HEIGHT) -> str:
    box = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{"".join(parts)}</svg>'
