"""Plots as SVG text, for a report that needs nothing but itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from physics.laws import Floats

WIDTH: Final = 860
_HEIGHT: Final = 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 150, 14, 40
# Told apart by people with the common kinds of colour blindness (Okabe, Ito, 2008).
COLOURS: Final = ("#6b7280", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


@dataclass(frozen=True)
class Line:
    """One line of a plot."""

    name: str
    values: Floats
    colour: str
    dashed: bool = False


def chart(time_s: Floats, lines: Sequence[Line], *, unit: str, marks: Sequence[tuple[str, float]] = ()) -> str:
    """Lines over time; `marks` are horizontal lines with a name, drawn where they are near the values."""
    stack = np.concatenate([line.values for line in lines])
    low, high = float(np.nanmin(stack)), float(np.nanmax(stack))
    span = max(high - low, 1.0)
    shown = [(name, value) for name, value in marks if low - 0.6 * span - 3 <= value <= high + 0.6 * span + 3]
    low = min([low, *(value for _, value in shown)]) - 0.04 * span
    high = max([high, *(value for _, value in shown)]) + 0.04 * span
    wide, tall = WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    end = max(float(time_s[-1]), 1.0)

    def x(t: float) -> float:
        return _LEFT + wide * t / end

    def y(v: float) -> float:
        return _TOP + tall * (high - v) / (high - low)

    parts = [f'<svg viewBox="0 0 {WIDTH} {_HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">']
    for tick in _ticks(low, high):
        parts.append(f'<line class="g" x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    minutes = end > 180.0
    scale = 60.0 if minutes else 1.0
    for tick in _ticks(0.0, end / scale):
        parts.append(f'<text x="{x(tick * scale):.1f}" y="{_HEIGHT - 20}" text-anchor="middle">{tick:g}</text>')
    parts.append(
        f'<text x="{_LEFT + wide / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{"min" if minutes else "s"}</text>'
    )
    parts.append(f'<text x="{_LEFT - 6}" y="11" text-anchor="end">{escape(unit)}</text>')
    for name, value in shown:
        parts.append(f'<line class="m" x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text class="n" x="{_LEFT + 4}" y="{y(value) - 3:.1f}">{escape(name)}</text>')
    for number, line in enumerate(lines):
        points = " ".join(
            f"{x(float(t)):.1f},{y(float(v)):.1f}" for t, v in zip(time_s, line.values, strict=True) if np.isfinite(v)
        )
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        parts.append(f'<polyline fill="none" stroke="{line.colour}" stroke-width="1.8"{dash} points="{points}"/>')
        if number < 17:
            at = _TOP + 10 + 17 * number
            parts.append(
                f'<line x1="{_LEFT + wide + 10}" x2="{_LEFT + wide + 28}" y1="{at - 4}" y2="{at - 4}" '
                f'stroke="{line.colour}" stroke-width="2"{dash}/>'
            )
            parts.append(f'<text x="{_LEFT + wide + 33}" y="{at}">{escape(line.name[:18])}</text>')
    return "".join([*parts, "</svg>"])


def plan(
    width_m: float,
    depth_m: float,
    racks: Sequence[tuple[str, float, float, float, bool]],
    units: Sequence[tuple[str, float, float]],
    *,
    limits: tuple[float, float],
) -> str:
    """The room from above: racks (name, x, y, °C, dark) coloured by temperature between two limits, units beside."""
    scale = min(WIDTH / max(width_m, 1.0), 420.0 / max(depth_m, 1.0))
    wide, tall = width_m * scale, depth_m * scale
    size = max(6.0, 0.52 * scale)
    parts = [
        f'<svg viewBox="-2 -2 {wide + 4:.0f} {tall + 4:.0f}" role="img" xmlns="http://www.w3.org/2000/svg" '
        f'style="max-width:{min(WIDTH, wide + 4):.0f}px">',
        f'<rect class="room" x="0" y="0" width="{wide:.0f}" height="{tall:.0f}"/>',
    ]
    for name, x, y in units:
        left, top = x * scale - size * 0.7, tall - y * scale - size * 0.7
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{1.4 * size:.1f}" height="{1.4 * size:.1f}" fill="#bfdbfe" '
            f'stroke="#1d4ed8"><title>{escape(name)}</title></rect>'
        )
    for name, x, y, value, dark in racks:
        left, top = x * scale - size / 2, tall - y * scale - size / 2
        colour = "#111827" if dark else heat((value - limits[0]) / (limits[1] - limits[0]))
        label = f"{name}: {'dark' if dark else f'{value:.1f} °C'}"
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{size:.1f}" height="{size:.1f}" fill="{colour}" '
            f'stroke="#374151"><title>{escape(label)}</title></rect>'
        )
    return "".join([*parts, "</svg>"])


def heat(share: float) -> str:
    """A colour from blue (0) over pale to red (1)."""
    share = min(1.0, max(0.0, share))
    cold, mid, hot = (59, 130, 246), (254, 243, 199), (220, 38, 38)
    one, two, part = (cold, mid, 2.0 * share) if share < 0.5 else (mid, hot, 2.0 * share - 1.0)
    red, green, blue = (round(a + part * (b - a)) for a, b in zip(one, two, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _ticks(low: float, high: float) -> list[float]:
    rough = max((high - low) / 6.0, 1e-9)
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(float(power * m) for m in (1, 2, 5, 10) if power * m >= rough)
    first = np.ceil(low / step) * step
    return [float(round(first + k * step, 10)) for k in range(int((high - first) / step) + 1)]
