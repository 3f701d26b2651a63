"""Whole simulated rooms whose cooling units wear, for judging the maintenance model where it was not trained.

Lives (`training.lives`) know units alone; here the plant runs whole (`physics.plant`), rooms of other parameters each,
and two of three units lose what they do within days: air (`unit-fan-degrades`), heat per watt (`unit-coil-fouls`). The
third is well, and so is the other part of each. Set-points are changed meanwhile. Deterministic. Next:
`training.maintaining.compared_in_rooms`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.maintenance.features import LIMIT_LOSS
from physics import layout
from physics.faults import Fault, Kind
from physics.hidden import Nature
from physics.history import record
from physics.plant import Plant
from training.lives import TELL, TELL_H, WEARS, WELL, Lives, Truth
from training.simulated import START_S

DAYS: Final = 14
_BEGIN_D, _LOST, _OVER_D = 2.0, 0.3, 12.0
_SAMPLE_S: Final = 300.0
_RACKS: Final = 8
_UNITS: Final = 3
_COLUMNS: Final = {
    "airflow": "unit_airflow", "supply": "supply", "back": "return_", "speed": "fan", "power": "unit_power",
}  # fmt: skip


def run(seed: int, rooms: int = 4, days: int = DAYS) -> list[Lives]:
    """What the units of each room said, and what is true of them."""
    place = layout.assumed("worn", [(f"w-{k}", f"row-{k % 2}", 0.6 * (k // 2), 40_000.0) for k in range(_RACKS)])
    units = place.unit_ids[:_UNITS]
    begin = START_S + _BEGIN_D * 86_400.0
    kinds: tuple[Kind, ...] = ("unit-fan-degrades", "unit-coil-fouls")
    faults = [
        Fault(kind, unit, _LOST, begin, ramp_s=_OVER_D * 86_400.0) for kind, unit in zip(kinds, units, strict=False)
    ]
    plant = Plant(
        place, [seed + room for room in range(rooms)], start_s=START_S, nature=Nature(hunting=0.4), faults=faults
    )

    def each(now: Plant, at_s: float) -> None:
        # A set-point is changed for good, and another for a day.
        if at_s in (5.0 * 86_400.0, 8.0 * 86_400.0, 9.0 * 86_400.0):
            setpoint = {5.0: 20.5, 8.0: 18.5, 9.0: 20.5}[at_s / 86_400.0]
            for unit in place.unit_ids:
                now.set_control(unit, setpoint=setpoint)

    readings = record(plant, days * 86_400.0, _SAMPLE_S, each=each)
    per_hour = round(3600.0 / _SAMPLE_S)
    found = []
    for room in range(rooms):
        hours = {}
        for name, column in _COLUMNS.items():
            values = readings[column][:, room, :_UNITS].T
            hours[name] = np.nanmean(values.reshape(_UNITS, -1, per_hour), axis=2).astype(np.float32)
        by_day = {name: values.reshape(_UNITS, -1, 24).mean(axis=2) for name, values in hours.items()}
        truth = {part: _truth(worn, days) for worn, part in enumerate(("air", "refrigeration"))}
        found.append(Lives("cooling", hours, by_day, truth))
    return found


def _truth(worn: int, days: int) -> Truth:
    """Of a part of all units, of which one wears."""
    end = np.arange(days) + 1.0
    over = _BEGIN_D + _OVER_D * LIMIT_LOSS / _LOST
    state = np.full((_UNITS, days), WELL, dtype=np.int8)
    left = np.full((_UNITS, days), np.nan, dtype=np.float32)
    mine = end > _BEGIN_D
    left[worn, mine] = np.maximum(over - end[mine], 0.0) * 24.0
    state[worn, mine] = np.where(left[worn, mine] <= TELL_H, TELL, WEARS)
    return Truth(state, left, (state > WELL).astype(np.int16), np.zeros(state.shape, dtype=bool))
