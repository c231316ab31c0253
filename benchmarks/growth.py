"""Draw how seconds grow with the data: one panel with logarithmic axes for each benchmark, in one SVG file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Line", "Panel", "svg"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444", "#8c6bb1")
_WIDTH, _PLOT, _LEFT, _TOP, _NAME = 460, 200, 64, 34, 15


@dataclass(frozen=True, kw_only=True)
class Line:
    """The CPU seconds of one job by the size of its data, ascending."""

    name: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The lines of one benchmark along one axis."""

    title: str
    axis: str
    lines: Sequence[Line]


def svg(panels: Sequence[Panel]) -> str:
    """Return the drawing, two panels beside each other."""
    parts, top = [], 0
    for first in range(0, len(panels), 2):
        pair = panels[first : first + 2]
        parts += [_panel(panel, column * _WIDTH, top) for column, panel in enumerate(pair)]
        top += max(_TOP + _PLOT + 46 + _NAME * len(panel.lines) for panel in pair)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * _WIDTH}" height="{top + 10}" '
    style = 'font-family="sans-serif" font-size="11"'
    return "\n".join([f"{head}{style}>", '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>", ""])


def _panel(panel: Panel, left: int, top: int) -> str:
    sizes = [math.log10(size or 0.5) for line in panel.lines for size, _ in line.points]
    seconds = [math.log10(max(value, 1e-4)) for line in panel.lines for _, value in line.points]
    low, high = math.floor(min(seconds)), max(math.ceil(max(seconds)), math.floor(min(seconds)) + 1)
    first, last = min(sizes), max(sizes)
    wide = _WIDTH - _LEFT - 20

    def x(size: int) -> float:
        return left + _LEFT + wide * (math.log10(size or 0.5) - first) / (last - first)

    def y(value: float) -> float:
        return top + _TOP + _PLOT * (high - math.log10(max(value, 1e-4))) / (high - low)

    parts = [f'<text x="{left + _LEFT}" y="{top + 20}" font-weight="bold">{escape(panel.title)}: CPU seconds</text>']
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(
            f'<line x1="{left + _LEFT}" x2="{left + _LEFT + wide}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{left + _LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for size in sorted({size for line in panel.lines for size, _ in line.points}):
        below = top + _TOP + _PLOT
        parts.append(f'<text x="{x(size):.1f}" y="{below + 15}" text-anchor="middle">{size:,}</text>')
    middle = left + _LEFT + wide / 2
    parts.append(
        f'<text x="{middle:.1f}" y="{top + _TOP + _PLOT + 30}" text-anchor="middle">{escape(panel.axis)}</text>'
    )
    for number, line in enumerate(panel.lines):
        colour = _COLOURS[number % len(_COLOURS)]
        dashes = ' stroke-dasharray="5 3"' if number >= len(_COLOURS) else ""
        drawn = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in line.points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        at = top + _TOP + _PLOT + 46 + _NAME * number
        parts.append(f'<line x1="{left + 20}" x2="{left + 46}" y1="{at - 4}" y2="{at - 4}" stroke="{colour}"{dashes}/>')
        parts.append(f'<text x="{left + 52}" y="{at}">{escape(line.name)}</text>')
    return "\n".join(parts)
