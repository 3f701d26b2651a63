"""Where a new rack fits, and how much more a room can carry: power, cooling with and without a unit, inlets. Pure.

Every free place is tried in the room model: the rack is put there, the room settles, and each cooling unit is lost in
turn. Places are ranked by the hottest inlet that follows with one unit lost, because that is when it matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from optimiser.response import Operation
from physics import ashrae
from physics.laws import Floats
from physics.layout import Layout, LayoutError, RackPlace
from physics.model import RoomModel
from physics.parameters import Parameters

_TOLERANCE_K: Final = 5e-3
_ROUNDS: Final = 50
# Beyond this a place is not tried: the nearest to the room's coolest inlets come first.
_MOST_PLACES: Final = 40
_WALL_M: Final = 0.6


@dataclass(frozen=True, slots=True)
class Place:
    """A place for the rack, in m, with the hottest inlets (°C) with all units and with the worst one lost."""

    row: str
    x: float
    y: float
    own_inlet_c: float
    hottest_c: float
    hottest_one_lost_c: float
    worst_loss: str
    fits: bool
    why: str


@dataclass(frozen=True, slots=True)
class CapacityLeft:
    """What a room can still carry (W): by the racks' power, by cooling, and by cooling with any one unit lost."""

    power_w: float
    cooling_w: float
    cooling_one_lost_w: float
    limit: str


def places(layout: Layout, parameters: Parameters, at: Operation, rack_w: float) -> list[Place]:
    """Places for a rack of ``rack_w`` W in a room that runs like this, the best first.

    Raises:
        LayoutError: the room has no free place.
    """
    free = free_places(layout)
    if not free:
        raise LayoutError(f"room {layout.room}: no free place in its rows")
    tried = [_try(layout, parameters, at, spot, rack_w) for spot in free[:_MOST_PLACES]]
    return sorted(tried, key=lambda place: (not place.fits, place.hottest_one_lost_c))


def free_places(layout: Layout) -> list[RackPlace]:
    """Gaps in rows, and the ends of rows where the room has space for another rack."""
    rows: dict[str, list[RackPlace]] = {}
    for rack in layout.racks:
        rows.setdefault(rack.row, []).append(rack)
    found: list[RackPlace] = []
    for row, racks in sorted(rows.items()):
        along = sorted(racks, key=lambda rack: rack.x)
        width = along[0].width_m
        gaps = [(one.x + width) for one, two in pairwise(along) if two.x - one.x >= 1.9 * width]
        ends = [along[0].x - width, along[-1].x + width]
        for x in (*gaps, *(end for end in ends if _WALL_M + width / 2 <= end <= layout.width_m - _WALL_M - width / 2)):
            blocked = any(abs(unit.x - x) < 1.0 and abs(unit.y - along[0].y) < 0.8 for unit in layout.units)
            if not blocked:
                found.append(replace(along[0], id=f"new-{row}-{x:.1f}", x=round(x, 2), y=along[0].y))
    return found


def _try(layout: Layout, parameters: Parameters, at: Operation, spot: RackPlace, rack_w: float) -> Place:
    with_it = layout.with_racks(replace(spot, power_capacity_w=max(rack_w, 1.0)))
    m = len(with_it.units)
    inlets = _settled(with_it, _neutral(parameters), replace(at, it_power=np.append(at.it_power, rack_w)))
    high = np.array([ashrae.limits(rack.ashrae_class).allowable_high for rack in with_it.racks])
    recommended = np.array([ashrae.limits(rack.ashrae_class).recommended_high for rack in with_it.racks])
    lost = inlets[1:].max(axis=(1, 2)) if m else np.array([inlets[0].max()])
    worst = int(lost.argmax())
    over_now = float((inlets[0] - recommended).max())
    over_lost = float((inlets[1 + worst] - high).max())
    heat = float(at.it_power.sum()) + rack_w
    largest = max(unit.capacity_w for unit in with_it.units)
    spare = sum(unit.capacity_w for unit in with_it.units) - largest - heat
    problems = []
    if over_now > 0:
        problems.append(f"an inlet would be {over_now:.1f} K above recommended")
    if over_lost > 0:
        problems.append(f"with {_short(with_it.unit_ids[worst])} lost one would be {over_lost:.1f} K above allowable")
    if spare < 0:
        problems.append(f"cooling with one unit lost is {-spare / 1000:.1f} kW short")
    return Place(
        row=spot.row,
        x=spot.x,
        y=spot.y,
        own_inlet_c=round(float(inlets[0, :, -1].max()), 2),
        hottest_c=round(float(inlets[0].max()), 2),
        hottest_one_lost_c=round(float(lost.max()), 2),
        worst_loss=with_it.unit_ids[worst],
        fits=not problems,
        why="; ".join(problems) or "inlets stay within recommended, and within allowable with any one unit lost",
    )


def capacity_left(layout: Layout, parameters: Parameters, at: Operation, rack_power: Floats) -> CapacityLeft:
    """How much more heat the room can carry, spread as its racks' heat is now, its units at their present
    set-points and full speed."""
    high = np.array([ashrae.limits(rack.ashrae_class).allowable_high for rack in layout.racks])
    recommended = np.array([ashrae.limits(rack.ashrae_class).recommended_high for rack in layout.racks])
    full = np.array([unit.fan_max / 100.0 for unit in layout.units])

    def within(share: float, lost: bool) -> bool:
        inlets = _settled(layout, parameters, replace(at, it_power=share * at.it_power, fan=full))
        return bool((inlets[1:] <= high).all() if lost else (inlets[0] <= recommended).all())

    total = float(at.it_power.sum())
    cooling, lost = (_largest(lambda share, lost=lost: within(share, lost)) for lost in (False, True))
    power = float(np.maximum(np.array([rack.power_capacity_w for rack in layout.racks]) - rack_power, 0.0).sum())
    left = {"power": power, "cooling": (cooling - 1.0) * total, "cooling with one unit lost": (lost - 1.0) * total}
    return CapacityLeft(power, left["cooling"], left["cooling with one unit lost"], min(left, key=lambda k: left[k]))


def _largest(possible: object, low: float = 0.0, high: float = 4.0) -> float:
    """The largest share (within 1 %) for which it is possible, by halving."""
    assert callable(possible)
    if possible(high):
        return high
    while high - low > 0.01:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if possible(middle) else (low, middle)
    return low


def _settled(layout: Layout, parameters: Parameters, at: Operation) -> Floats:
    """Inlets (M+1, 2, N): with all units, and with each lost in turn."""
    m = len(layout.units)
    model = RoomModel(layout, parameters, scenarios=m + 1)
    inputs = model.default_inputs(0.5)
    inputs.it_power[...], inputs.setpoint[...], inputs.fan[...] = at.it_power, at.setpoint, at.fan
    inputs.capacity[...] = at.capacity
    for k in range(m):
        inputs.capacity[k + 1, k] = 0.0
        inputs.fan[k + 1] = [unit.fan_max / 100.0 for unit in layout.units]
        inputs.fan[k + 1, k] = 0.0
    state = model.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=_ROUNDS)
    inlets: Floats = model.observe(state, inputs).inlet
    return inlets


def _neutral(parameters: Parameters) -> Parameters:
    """Parameters for a room with a rack more: what is known of single racks does not fit it."""
    return parameters.with_(zone_recirculation=None, rack_flow=None, rack_time=None)


def _short(name: str) -> str:
    return name.partition(":")[2] or name
