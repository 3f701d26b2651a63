"""Charts of a report as SVG text, without a library: lines over time, with spans behind them. Pure.

Colours are the page's variables, so that they follow its light or dark theme. Next: :mod:`servertwin.analysis.page`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from servertwin.analysis.changes import Floats

WIDTH: Final = 1040
HEIGHT: Final = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 10, 26
_MOST: Final = 1200


@dataclass(frozen=True, slots=True)
class Line:
    """A series: seconds since the record's start, values, and the number of its colour."""

    name: str
    time: Floats
    values: Floats
    colour: int = 1
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A time behind the lines, or, thin, a found one along the top."""

    start: float
    end: float
    name: str
    colour: int
    thin: bool = False


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between two values."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(step * n, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def chart(
    title: str, unit: str, lines: Sequence[Line], spans: Sequence[Span], length: float, *, low: float | None = None
) -> str:
    """One chart over ``length`` seconds; ``low`` is where its axis begins, else a little below the values."""
    values = np.concatenate([line.values[np.isfinite(line.values)] for line in lines])
    bottom, top = (float(np.min(values)), float(np.max(values))) if values.size else (0.0, 1.0)
    margin = 0.06 * (top - bottom) or max(1.0, 0.05 * abs(top))
    bottom = bottom - margin if low is None else low
    top += margin
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def x(at: float) -> float:
        return _LEFT + width * min(max(at / length, 0.0), 1.0)

    def y(value: float) -> float:
        return _TOP + height * (1.0 - min(max((value - bottom) / (top - bottom), 0.0), 1.0))

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for span in spans:
        at, wide = x(span.start), max(1.0, x(span.end) - x(span.start))
        tall, opacity = (5, 0.95) if span.thin else (height, 0.16)
        parts.append(
            f'<rect x="{at:.1f}" y="{_TOP}" width="{wide:.1f}" height="{tall}" fill="var(--c{span.colour})" '
            f'opacity="{opacity}"><title>{escape(span.name)}</title></rect>'
        )
    for value in ticks(bottom, top, 4):
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for second in ticks(0.0, length, 10):
        parts.append(f'<text x="{x(second):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{clock(second)}</text>')
    for line in lines:
        dash = ' stroke-dasharray="5 3"' if line.dashed else ""
        for points in _pieces(line):
            path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in points)
            parts.append(f'<polyline points="{path}" stroke="var(--c{line.colour})"{dash}/>')
    parts.append("</svg>")
    legend = "".join(
        f'<span class="key"><i style="background:var(--c{line.colour})"></i>{escape(line.name)}</span>'
        for line in lines
    )
    return (
        f'<figure><figcaption>{escape(title)} <small>{escape(unit)}</small><span class="legend">{legend}</span>'
        f"</figcaption>{''.join(parts)}</figure>"
    )


def clock(seconds: float) -> str:
    """Minutes and seconds since the start."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}" if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02d} h"


def _pieces(line: Line) -> list[list[tuple[float, float]]]:
    """The line's points, thinned to what can be seen; values between two absent ones make a piece."""
    time, values = line.time, line.values
    good = np.isfinite(values)
    # Columns that are sampled less often than the rest are no gaps: only their own long ones are.
    time, values = time[good], values[good]
    if time.size == 0:
        return []
    if time.size > _MOST:
        # The least and the most of each cell, so that no peak is lost.
        cells = np.array_split(np.arange(time.size), _MOST // 2)
        keep = np.unique(
            [at for cell in cells for at in (cell[np.argmin(values[cell])], cell[np.argmax(values[cell])])]
        )
        time, values = time[keep], values[keep]
    gap = 5.0 * float(np.median(np.diff(time))) if time.size > 1 else 1.0
    pieces: list[list[tuple[float, float]]] = [[]]
    for place, (at, value) in enumerate(zip(time.tolist(), values.tolist(), strict=True)):
        if place and at - float(time[place - 1]) > gap:
            pieces.append([])
        pieces[-1].append((at, value))
    return pieces
