"""The report of a what-if: one HTML page that needs nothing else. Pure.

Next: `store` keeps it; `racktwin whatif --report` writes it to a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from physics import ashrae
from scenarios.findings import CaseFinding, RackFinding, spell
from scenarios.plots import COLOURS, Line, chart, plan
from scenarios.question import BASELINE, short
from scenarios.whatif import Run

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1040px;padding:0 1rem;color:#111827}"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}p.h{font-size:1.05rem}"
    "table{border-collapse:collapse;width:100%;font-size:13px}th,td{padding:3px 8px;border-bottom:1px solid #e5e7eb;"
    "text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}td.bad{color:#b91c1c;font-weight:600}"
    "svg{width:100%;height:auto;font:11px system-ui,sans-serif;fill:#374151}svg .g{stroke:#e5e7eb}"
    "svg .m{stroke:#b91c1c;stroke-dasharray:2 3}svg .n{fill:#b91c1c}svg .room{fill:#f9fafb;stroke:#9ca3af}"
    "small{color:#6b7280}details{margin:.5rem 0}"
)
# Racks of each case in its table; the rest is in the series.
_ROWS: Final = 200


@dataclass(frozen=True)
class Head:
    """What stands above."""

    name: str
    site: str
    room: str
    base_time: str
    headline: str
    notes: Sequence[str]
    parameters: str


def render(run: Run, found: Sequence[CaseFinding], head: Head) -> str:
    """The page."""
    limits = ashrae.limits(run.layout.racks[0].ashrae_class)
    marks = [
        (f"recommended {limits.recommended_high:g} °C ({limits.name})", limits.recommended_high),
        (f"allowable {limits.allowable_high:g} °C ({limits.name})", limits.allowable_high),
    ]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>Scenario {escape(head.name)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(head.name)}</h1>",
        f"<p><small>Room {escape(head.room)} of {escape(head.site)}, from {escape(head.base_time)} on, "
        f"{spell(float(run.time_s[-1]))}. A computation, not a measurement. "
        f"Physics: {escape(head.parameters)}.</small></p>",
        f'<p class="h">{escape(head.headline)}.</p>',
        _notes(head.notes),
        "<h2>Cases</h2>",
        _cases(found),
        "<h2>Hottest inlet</h2>",
        chart(run.time_s, _hottest(run, found), unit="°C", marks=marks),
        "<p><small>Solid: with the mass of servers, frames and floor panels. Dashed: were there no mass but the "
        "air's.</small></p>",
    ]
    for number, case in enumerate(found):
        if case.name != BASELINE or len(found) == 1:
            parts.append(_case(run, number, case, marks, limits))
    return "".join([*parts, "</body></html>"])


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def _hottest(run: Run, found: Sequence[CaseFinding]) -> list[Line]:
    lines = []
    for number, case in enumerate(found):
        lit = [
            at for at in range(len(run.layout.racks)) if at not in run.courses[number].dark and _there(run, number, at)
        ]
        colour = COLOURS[number % len(COLOURS)]
        lines.append(Line(case.name, run.inlet[:, number, :, lit].max(axis=(0, 2)), colour))
        if number and len(found) <= 4:
            lines.append(
                Line(f"{case.name}, air", run.air_only[:, number, :, lit].max(axis=(0, 2)), colour, dashed=True)
            )
    return lines


def _there(run: Run, number: int, at: int) -> bool:
    return at not in run.added or bool(run.rack_power[-1, number, at] > 1.0)


def _cases(found: Sequence[CaseFinding]) -> str:
    head = (
        "case", "first rack", "leaves recommended", "air alone", "leaves allowable", "air alone", "racks out",
        "peak", "RCI hi", "cooling", "against baseline",
    )  # fmt: skip
    rows = []
    for case in found:
        one = case.summary()
        allowable = one.get("allowableAfterS")
        rows.append(
            f"<tr><td>{escape(case.name)}</td><td>{escape(str(one.get('firstRack') or ''))}</td>"
            f"<td>{_time(one.get('recommendedAfterS'))}</td><td>{_time(one.get('recommendedAfterAirOnlyS'))}</td>"
            f"<td{_bad(allowable is not None)}>{_time(allowable)}</td>"
            f"<td>{_time(one.get('allowableAfterAirOnlyS'))}</td>"
            f"<td>{one['racksOutOfAllowable']}</td><td>{case.peak_c:.1f} °C</td><td>{_number(case.rci_hi, ' %')}</td>"
            f"<td>{case.cooling_kwh:.1f} kWh</td><td>{_number(case.versus_percent, ' %', '+.1f')}</td></tr>"
        )
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{''.join(rows)}</table>"


def _case(run: Run, number: int, case: CaseFinding, marks: list[tuple[str, float]], limits: ashrae.Limits) -> str:
    hot = sorted(case.racks, key=lambda r: (r.dark, -r.peak_c))
    index = {short(rack.id): at for at, rack in enumerate(run.layout.racks)}
    lines = [
        Line(r.rack, run.inlet[:, number, :, index[r.rack]].max(axis=1), COLOURS[(k + 1) % len(COLOURS)])
        for k, r in enumerate(hot[:6]) if not r.dark
    ]  # fmt: skip
    squares = [(r.rack, r.x, r.y, r.peak_c, r.dark) for r in case.racks]
    units = [(short(unit.id), unit.x, unit.y) for unit in run.layout.units]
    supply = [
        Line(short(unit.id), run.supply[:, number, at], COLOURS[(at + 1) % len(COLOURS)])
        for at, unit in enumerate(run.layout.units[:16])
    ]
    drawing = plan(
        run.layout.width_m, run.layout.depth_m, squares, units, limits=(limits.recommended_low, limits.allowable_high)
    )
    return "".join(
        [
            f"<h2>Case {escape(case.name)}</h2>",
            _notes(case.notes),
            drawing,
            "<p><small>Racks by their peak inlet temperature, from blue (the recommended range's low end) to red (the "
            "allowable range's high end); black: without power.</small></p>",
            chart(run.time_s, lines, unit="°C", marks=marks) if lines else "",
            "<details><summary>Supply air</summary>",
            chart(run.time_s, supply, unit="°C"),
            "</details>",
            f"<details{' open' if len(case.racks) <= 40 else ''}><summary>Racks</summary>",
            _racks(hot[:_ROWS]),
            "</details>",
        ]
    )


def _racks(racks: Sequence[RackFinding]) -> str:
    head = (
        "rack", "row", "power", "inlet before", "peak", "at the end", "leaves recommended", "air alone",
        "leaves allowable", "air alone",
    )  # fmt: skip
    rows = []
    for r in racks:
        if r.dark:
            rows.append(f"<tr><td>{escape(r.rack)}</td><td>{escape(r.row)}</td><td>dark</td>{'<td></td>' * 7}</tr>")
            continue
        rows.append(
            f"<tr><td>{escape(r.rack)}{' (new)' if r.added else ''}</td><td>{escape(r.row)}</td>"
            f"<td>{r.power_w / 1000:.1f} kW</td>"
            f"<td>{r.first_c:.1f} °C</td><td>{r.peak_c:.1f} °C</td><td>{r.last_c:.1f} °C</td>"
            f"<td>{_time(r.recommended_s)}</td><td>{_time(r.recommended_air_s)}</td>"
            f"<td{_bad(r.allowable_s is not None)}>{_time(r.allowable_s)}</td><td>{_time(r.allowable_air_s)}</td></tr>"
        )
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{''.join(rows)}</table>"


def _time(seconds: float | None) -> str:
    return "" if seconds is None else spell(seconds)


def _number(value: float | None, unit: str, form: str = ".1f") -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:{form}}{unit}"


def _bad(yes: bool) -> str:
    return ' class="bad"' if yes else ""
