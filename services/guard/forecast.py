"""What inlets may reach after a command, by the room's physics model, where it is calibrated. Pure.

The model is settled as the units' air is now, as they are set, and as they would be set, once as calibrated and once
with racks that ask for more air. The larger differences are added to what is measured: the model says by how much
things change, the sensors where they are. A room without a calibrated
model, or with one that errs too much, is judged by :mod:`guard.outlook`'s bound. Next: :mod:`guard.rules` keeps a
margin that grows with the model's measured error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from guard.case import Forecast
from guard.outlook import bound
from guard.state import SHORT_K, Room, Unit
from physics import parameters as physical
from physics import sources
from physics.laws import RHO_CP
from physics.layout import LayoutError, UnitPlace
from physics.model import RoomModel
from physics.parameters import Parameters

# What the model says of a change is taken this much larger: its error was measured near where the room runs, and a
# command may lead far from there.
GAIN_DOUBT: Final = 1.5
# Units move enough air in a model until racks ask for more, from where on inlets jump; a calibration that never saw it
# knows that point only so well (share of the racks' air).
AIR_DOUBT: Final = 0.12
# A command that changes no more than this is judged by the model alone (K, percentage points).
NEAR_K: Final = 1.0
NEAR_FAN: Final = 10.0
# A unit that cools its air by less has failed (K).
COOLS_K: Final = 2.0
# A model that errs by more is not asked (K).
MOST_ERROR_K: Final = 2.0
_TOLERANCE_K: Final = 5e-3
_ROUNDS: Final = 60
# Share of a rack's power that is its servers' own, without their fans.
_IT_SHARE: Final = 0.94


def outlook(room: Room, thing: str, wished: Mapping[str, float]) -> Iterable[Forecast]:
    """Forecasts by the model where there is a good one, else by the bound."""
    parameters = _calibrated(room)
    if parameters is None:
        return bound(room, thing, wished)
    try:
        return careful(room, thing, wished, parameters)
    except (LayoutError, ValueError):
        # A room that cannot be modelled any more is no reason to let everything pass.
        return bound(room, thing, wished)


def careful(room: Room, thing: str, wished: Mapping[str, float], parameters: Parameters) -> Iterable[Forecast]:
    """Forecasts by the model; of a command that leads far, at each inlet the worse of model and bound.

    Raises:
        LayoutError, ValueError: as of :func:`modelled`.
    """
    forecasts = modelled(room, thing, wished, parameters)
    unit = room.units[thing]
    far = (
        abs(wished.get("setpoint", unit.setpoint or 0.0) - (unit.setpoint or 0.0)) > NEAR_K
        or abs(wished.get("fanSpeed", unit.fan_speed or 0.0) - (unit.fan_speed or 0.0)) > NEAR_FAN
    )
    return [*forecasts, *bound(room, thing, wished)] if far else forecasts


def modelled(room: Room, thing: str, wished: Mapping[str, float], parameters: Parameters) -> list[Forecast]:
    """Forecasts by the model.

    Raises:
        LayoutError: the room cannot be modelled.
        ValueError: too little is known of its units.
    """
    layout = sources.from_twins(room.name, room.things)
    units = [room.units.get(unit) for unit in layout.unit_ids]
    hungry = parameters.with_(flow_per_kw=(1.0 + AIR_DOUBT) * parameters.flow_per_kw)
    model = RoomModel(layout, [parameters] * 3 + [hungry] * 3)
    inputs = model.default_inputs(0.5)
    inputs.it_power[...] = _it_power(room, layout.rack_ids, model)
    for k, (unit, place) in enumerate(zip(units, layout.units, strict=True)):
        if unit is None or unit.setpoint is None or unit.fan_speed is None:
            raise ValueError(f"{place.id}: its settings are not known")
        asked = wished if unit.thing == thing else {}
        inputs.setpoint[:, k] = [_coldest(unit), unit.setpoint, asked.get("setpoint", unit.setpoint)] * 2
        flowing = unit.fan_speed if unit.airflow_now is None else 100.0 * unit.airflow_now / place.airflow_m3s
        inputs.fan[:, k] = np.array([flowing, unit.fan_speed, asked.get("fanSpeed", unit.fan_speed)] * 2) / 100.0
        left = _left(unit, place, parameters.capacity_exponent)
        if left < 1.0:
            # What it gave within the last hour inlets may still remember: its failure is yet to come for them.
            inputs.capacity[:, k] = left
            inputs.capacity[[0, 3], k] = 1.0 if _cooled(unit) else left
        if left == 0.0:
            # Its fans may go on or stand still, and nobody knows which is worse.
            inputs.fan[4:, k] = 0.0
    state = model.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=_ROUNDS)
    settled = model.observe(state, inputs).inlet
    without = GAIN_DOUBT * (settled[[1, 4]] - settled[[0, 3]])
    then = GAIN_DOUBT * (settled[[2, 5]] - settled[[0, 3]])
    forecasts = []
    for inlet in room.inlets:
        if inlet.rack not in layout.rack_ids:
            continue
        rack = layout.rack_index(inlet.rack)
        # A sensor between bottom and top: the larger change of the two.
        places = {"bottom": [0], "top": [1]}.get(inlet.place, [0, 1])
        before, after = without[:, places, rack], then[:, places, rack]
        forecasts.append(
            Forecast(
                rack=inlet.rack,
                place=inlet.place,
                peak=inlet.temperature + max(0.0, float(after.max())),
                low=inlet.temperature + min(0.0, float(after.min())),
                peak_without=inlet.temperature + max(0.0, float(before.max())),
                low_without=inlet.temperature + min(0.0, float(before.min())),
                allowable_high=inlet.limits.allowable_high,
                allowable_low=inlet.limits.allowable_low,
            )
        )
    return forecasts


def _calibrated(room: Room) -> Parameters | None:
    """The room's calibrated parameters, None where there are none or they do not fit well enough."""
    if room.infidelity_k is None or room.infidelity_k > MOST_ERROR_K:
        return None
    for thing in room.things:
        if str(thing.get("thingId")).endswith(f":room-{room.name}"):
            fidelity = ((thing.get("features") or {}).get("fidelity") or {}).get("properties") or {}
            found: Any = fidelity.get("parameters")
            if isinstance(found, Mapping) and found:
                try:
                    return physical.from_dict(found)
                except (ValueError, TypeError):
                    return None
    return None


def _left(unit: Unit, place: UnitPlace, exponent: float) -> float:
    """What the unit can still do, as a share: one that stays above its set-point shows all that it can."""
    if unit.airflow_now is not None and unit.airflow_now < 0.05 * place.airflow_m3s:
        return 0.0
    if unit.supply is None or unit.return_ is None:
        return 1.0
    if unit.supply > unit.return_ - COOLS_K:
        return 0.0
    if unit.setpoint is None or unit.airflow_now is None or unit.supply <= unit.setpoint + SHORT_K:
        return 1.0
    share = unit.airflow_now / place.airflow_m3s
    heat = RHO_CP * unit.airflow_now * (unit.return_ - unit.supply) + place.fan_power_w * share**3
    return float(np.clip(heat / (place.capacity_w * share**exponent), 0.0, 1.0))


def _cooled(unit: Unit) -> bool:
    """Whether it gave cold air within the last hour, as far as is remembered."""
    known = unit.supply_low is not None and unit.return_ is not None
    return known and float(unit.supply_low or 0.0) < float(unit.return_ or 0.0) - COOLS_K


def _coldest(unit: Unit) -> float:
    """The supply that inlets still remember."""
    known = [value for value in (unit.supply, unit.supply_low) if value is not None]
    return min(known) if known else float(unit.setpoint or 0.0)


def _it_power(room: Room, racks: list[str], model: RoomModel) -> Any:
    """Power (N,) of the racks' servers, W; usual where it is not measured."""
    found = {}
    for thing in room.things:
        properties = ((thing.get("features") or {}).get("power") or {}).get("properties") or {}
        power = properties.get("power")
        if isinstance(power, int | float):
            found[str(thing.get("thingId"))] = _IT_SHARE * float(power)
    usual = model.power(0.7)[0]
    return np.array([found.get(rack, usual[k]) for k, rack in enumerate(racks)])
