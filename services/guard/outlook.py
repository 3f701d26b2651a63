"""What inlets may reach after a command, without a model of the room: a bound that holds for every room. Pure.

For linear mixing at given flows no inlet rises by more than the largest rise of a supply temperature it draws from.
Where a unit moves less air, the missing share is taken to come from the hottest return, for every inlet, which
itself grows hotter as less air carries the same heat (what racks draw and units do not give recirculates).
While a unit has failed there is no such bound: where inlets end depends on the whole room, so whatever lessens cooling
is taken to bring them all to the hottest return. The bound is pessimistic on purpose; :mod:`guard.forecast` refines it
where the room has a calibrated model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from guard.case import Forecast
from guard.state import Room, Unit, failed

# Of a unit that reports no return temperature: a usual difference across racks (K).
_USUAL_RISE_K: Final = 12.0


def bound(room: Room, thing: str, wished: Mapping[str, float]) -> Iterable[Forecast]:
    """Forecasts by the bound, for one unit's wish; the others go on to where they are set."""
    unit = room.units[thing]
    before = _swing(room, {})
    after = _swing(room, {thing: wished["setpoint"]} if "setpoint" in wished else {})
    missing = _missing_share(unit, wished.get("fanSpeed"))
    supply, back = _supply(room), _return(room)
    # The return air after the change: the same heat in less air.
    rise = max(0.0, back - supply) / max(1e-3, 1.0 - missing)
    lost = _lessens(unit, wished) and any(failed(each, _now(room)) for each in room.units.values())
    for inlet in room.inlets:
        hot = inlet.temperature + after[0]
        if missing > 0.0:
            hot += missing * max(0.0, supply + after[0] + rise - inlet.temperature)
        yield Forecast(
            rack=inlet.rack,
            place=inlet.place,
            peak=max(hot, back) if lost else hot,
            low=inlet.temperature - after[1],
            peak_without=inlet.temperature + before[0],
            low_without=inlet.temperature - before[1],
            allowable_high=inlet.limits.allowable_high,
            allowable_low=inlet.limits.allowable_low,
        )


def _lessens(unit: Unit, wished: Mapping[str, float]) -> bool:
    setpoint, fan = wished.get("setpoint"), wished.get("fanSpeed")
    warmer = setpoint is not None and (unit.setpoint is None or setpoint > unit.setpoint)
    slower = fan is not None and (unit.fan_speed is None or fan < unit.fan_speed)
    return warmer or slower


def _now(room: Room) -> int:
    """The newest report of the room (epoch ms): a unit that is silent while others report counts as failed."""
    reports = [unit.observed_at for unit in room.units.values() if unit.observed_at is not None]
    return max([*reports, *(inlet.observed_at for inlet in room.inlets)], default=0)


def _swing(room: Room, wished: Mapping[str, float]) -> tuple[float, float]:
    """Largest rise and largest fall of a supply temperature that is still to be felt at inlets (K)."""
    up = down = 0.0
    for unit in room.units.values():
        target = wished.get(unit.thing, unit.setpoint)
        if target is None:
            continue
        # From the air as it was, not from the set-point: what lags has its rise still before it.
        low = min((t for t in (unit.supply_low, unit.supply) if t is not None), default=unit.setpoint)
        high = unit.supply if unit.supply is not None else unit.setpoint
        up = max(up, target - low) if low is not None else up
        down = max(down, high - target) if high is not None else down
    return up, down


def _missing_share(unit: Unit, fan: float | None) -> float:
    """Share of its air that the unit would move less; a rack may live by that unit alone."""
    if fan is None or unit.fan_speed is None or fan >= unit.fan_speed:
        return 0.0
    return 1.0 - fan / max(unit.fan_speed, 1e-6)


def _supply(room: Room) -> float:
    known = [unit.supply for unit in room.units.values() if unit.supply is not None]
    return min(known) if known else min((inlet.temperature for inlet in room.inlets), default=20.0)


def _return(room: Room) -> float:
    known = [unit.return_ for unit in room.units.values() if unit.return_ is not None]
    return max(known) if known else _supply(room) + _USUAL_RISE_K
