"""What came out of a run: when limits are left, peaks, indices, energy against the baseline. Pure.

Times are of the inlet as equipment feels it, the warmer of a rack's two heights for upper limits and the colder one for
lower ones, between samples by straight lines. A rack that went dark has no equipment that could be too warm. Next:
`report` and `store`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from physics import ashrae, metrics
from physics.laws import Floats
from scenarios.question import BASELINE, short
from scenarios.timeline import Course
from scenarios.whatif import Run

_J_PER_KWH: Final = 3.6e6
_NEVER: Final = float("inf")


@dataclass(frozen=True)
class RackFinding:
    """One rack in one case: seconds until it leaves a range (None: never), and its extremes (°C)."""

    rack: str
    row: str
    x: float
    y: float
    dark: bool
    added: bool
    recommended_s: float | None
    allowable_s: float | None
    recommended_air_s: float | None
    allowable_air_s: float | None
    first_c: float
    peak_c: float
    last_c: float
    power_w: float


@dataclass(frozen=True)
class CaseFinding:
    """One case. Energy in kWh over the run; indices are those at its end."""

    name: str
    racks: tuple[RackFinding, ...]
    peak_c: float
    peak_rack: str
    rci_hi: float | None
    rci_lo: float | None
    rti: float | None
    shi: float | None
    power_usage_ratio: float | None
    cooling_kwh: float
    it_kwh: float
    versus_percent: float | None
    notes: tuple[str, ...] = field(default=())

    def first(self, attribute: str) -> tuple[float | None, str]:
        """The least of a time over the racks, and the rack's name."""
        found = [(value, r.rack) for r in self.racks if not r.dark and (value := getattr(r, attribute)) is not None]
        return min(found, default=(None, ""))

    def count(self, attribute: str) -> int:
        """Racks for which the time is not None."""
        return sum(1 for r in self.racks if not r.dark and getattr(r, attribute) is not None)

    def summary(self) -> dict[str, Any]:
        """As the Scenario's status shows it."""
        recommended, by_recommended = self.first("recommended_s")
        allowable, by_allowable = self.first("allowable_s")
        found = {
            "name": self.name,
            "darkRacks": sum(r.dark for r in self.racks),
            "racksOutOfRecommended": self.count("recommended_s"),
            "racksOutOfAllowable": self.count("allowable_s"),
            "firstRack": by_allowable or by_recommended,
            "recommendedAfterS": recommended,
            "allowableAfterS": allowable,
            "recommendedAfterAirOnlyS": self.first("recommended_air_s")[0],
            "allowableAfterAirOnlyS": self.first("allowable_air_s")[0],
            "peakC": self.peak_c,
            "peakRack": self.peak_rack,
            "rciHi": self.rci_hi,
            "coolingEnergyKwh": self.cooling_kwh,
            "coolingEnergyVsBaselinePercent": self.versus_percent,
        }
        return {key: round(v, 2) if isinstance(v, float) else v for key, v in found.items() if v is not None}


def findings(run: Run) -> list[CaseFinding]:
    """One for each case, the baseline first."""
    limits = [ashrae.limits(rack.ashrae_class) for rack in run.layout.racks]
    cooling = run.energy_j.sum(axis=1) / _J_PER_KWH
    return [_case(run, number, one, limits, cooling) for number, one in enumerate(run.courses)]


def _case(run: Run, number: int, one: Course, limits: Sequence[ashrae.Limits], cooling: Floats) -> CaseFinding:
    layout = run.layout
    here = [at for at in range(len(layout.racks)) if at not in run.added or _is_on(run, number, at)]
    racks = tuple(_rack(run, number, at, limits[at], at in one.dark) for at in here)
    lit = [r for r in racks if not r.dark] or list(racks)
    hottest = max(lit, key=lambda r: r.peak_c)
    indices = _indices(run, number, here, limits)
    base = float(cooling[0])
    return CaseFinding(
        name=one.name,
        racks=racks,
        peak_c=hottest.peak_c,
        peak_rack=hottest.rack,
        rci_hi=indices.rci_hi,
        rci_lo=indices.rci_lo,
        rti=indices.rti,
        shi=indices.shi,
        power_usage_ratio=indices.power_usage_ratio,
        cooling_kwh=float(cooling[number]),
        it_kwh=float(run.it_j[number]) / _J_PER_KWH,
        versus_percent=None if number == 0 or base <= 0.0 else 100.0 * (float(cooling[number]) / base - 1.0),
        notes=tuple(one.notes),
    )


def _is_on(run: Run, number: int, rack: int) -> bool:
    return bool(run.rack_power[-1, number, rack] > 1.0)


def _rack(run: Run, number: int, at: int, limits: ashrae.Limits, dark: bool) -> RackFinding:
    place, time_s = run.layout.racks[at], run.time_s
    inlet, air = run.inlet[:, number, :, at], run.air_only[:, number, :, at]
    recommended = (limits.recommended_low, limits.recommended_high)
    allowable = (limits.allowable_low, limits.allowable_high)
    high = inlet.max(axis=1)
    return RackFinding(
        rack=short(place.id),
        row=place.row,
        x=place.x,
        y=place.y,
        dark=dark,
        added=at in run.added,
        recommended_s=leaves(time_s, inlet, *recommended),
        allowable_s=leaves(time_s, inlet, *allowable),
        recommended_air_s=leaves(time_s, air, *recommended),
        allowable_air_s=leaves(time_s, air, *allowable),
        first_c=float(high[0]),
        peak_c=float(high.max()),
        last_c=float(high[-1]),
        power_w=float(run.rack_power[-1, number, at]),
    )


def leaves(time_s: Floats, inlet: Floats, low: float, high: float) -> float | None:
    """When (s) the warmest or coldest of the inlets (K, heights) first is outside [low, high]; None when never."""
    up, down = inlet.max(axis=1) - high, low - inlet.min(axis=1)
    found = min(_crossing(time_s, up), _crossing(time_s, down))
    return None if found == _NEVER else found


def _crossing(time_s: Floats, over: Floats) -> float:
    """When `over` first is above 0, by straight lines between samples."""
    above = np.flatnonzero(over > 0.0)
    if not above.size:
        return _NEVER
    k = int(above[0])
    if k == 0:
        return 0.0
    before, after = float(over[k - 1]), float(over[k])
    return float(time_s[k - 1] + (time_s[k] - time_s[k - 1]) * (-before) / (after - before))


def _indices(run: Run, number: int, racks: list[int], limits: Sequence[ashrae.Limits]) -> metrics.RoomIndices:
    lit = [at for at in racks if at not in run.courses[number].dark] or racks
    return metrics.room_indices(
        metrics.RoomReadings(
            inlets=run.inlet[-1, number][:, lit],
            limits=[limits[at] for at in lit],
            power_w=run.rack_power[-1, number, lit],
            flow=run.rack_airflow[-1, number, lit],
            supply_c=run.supply[-1, number],
            return_c=run.return_[-1, number],
            unit_flow=run.unit_airflow[-1, number],
            unit_power_w=run.unit_power[-1, number],
        )
    )


def headline(found: Sequence[CaseFinding], duration_s: float) -> str:
    """The result in a sentence."""
    cases = [case for case in found if case.name != BASELINE]
    worst = min(
        cases, key=lambda c: (_or_never(c.first("allowable_s")[0]), _or_never(c.first("recommended_s")[0]), -c.peak_c)
    )
    who = f"{worst.name}: " if len(cases) > 1 else ""
    allowable, rack = worst.first("allowable_s")
    recommended, first = worst.first("recommended_s")
    dark = sum(r.dark for r in worst.racks)
    parts = [f"{dark} rack(s) go dark"] if dark else []
    if allowable is not None:
        parts.append(f"{rack} leaves the allowable range after {spell(allowable)}")
    elif recommended is not None:
        parts.append(f"{first} leaves the recommended range after {spell(recommended)}, none the allowable one")
    else:
        parts.append(f"every inlet stays within the recommended range for {spell(duration_s)}")
    parts.append(f"peak {worst.peak_c:.1f} °C at {worst.peak_rack}")
    prefix = (
        f"{sum(1 for c in cases if c.count('allowable_s'))} of {len(cases)} cases leave the allowable range; worst "
        if len(cases) > 1
        else ""
    )
    return f"{prefix}{who}{'; '.join(parts)}"


def spell(seconds: float) -> str:
    """A span for people."""
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600.0:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds / 3600.0:.1f} h"


def _or_never(value: float | None) -> float:
    return _NEVER if value is None else value
